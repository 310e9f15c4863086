"""One timer for the deadlines of many attempts, nearly all of which end in time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from pavane.ports.clock import Clock
from pavane.sdk.attempt import Attempt

_SPARE = 64  # ended attempts that may stay in the heap before it is cleaned


class Deadlines:
    """Calls `overdue` for each attempt whose time is up, unless it is gone by then."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, overdue: Callable[[Attempt], None]
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._overdue = overdue
        self._heap: list[tuple[int, int, Attempt]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0

    def watch(self, attempt: Attempt, going: int) -> None:
        """Take an attempt with a deadline; `going` is how many attempts there are at present."""
        due_at = attempt.assignment.deadline_at
        if len(self._heap) > 2 * going + _SPARE:
            self._heap = [entry for entry in self._heap if not entry[2].gone]
            heapq.heapify(self._heap)
        self._count += 1
        heapq.heappush(self._heap, (due_at, self._count, attempt))
        if self._timer is None or due_at < self._armed_for:
            self._arm(due_at)

    def _arm(self, due_at: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = due_at
        left_s = max(0, due_at - self._clock.now()) / 1000
        self._timer = self._loop.call_later(left_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.now()
        while self._heap and (self._heap[0][2].gone or self._heap[0][0] <= now):
            attempt = heapq.heappop(self._heap)[2]
            if not attempt.gone:
                self._overdue(attempt)
        if self._heap:
            self._arm(self._heap[0][0])

    def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
