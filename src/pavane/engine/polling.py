"""Use case: a worker asks for tasks that wait in their queues, and leases them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pavane.core.model import fact as facts
from pavane.core.model.fact import Fact
from pavane.core.model.work import Assignment
from pavane.engine.limits import Limits
from pavane.errors import StoreError
from pavane.ports.clock import Clock
from pavane.ports.store import Store


class Polling:
    """Looks into the queues of the store, and claims what is there."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        submit: Callable[[str, Fact], asyncio.Future[Any]],
        wake: Callable[[str], None],
        limits: Limits,
        asks: Callable[[Sequence[str], str], None],
    ) -> None:
        self.store = store
        self._clock = clock
        self._submit = submit
        self._wake = wake
        self._limits = limits
        self._asks = asks  # is told who asks for what
        self._claiming: set[tuple[str, str]] = set()

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """As `Engine.poll`."""
        self._asks(tasks, worker)
        found: list[Assignment] = []
        refused: set[tuple[str, str]] = set()
        while len(found) < limit:
            wanted = await self._waiting_for(tasks, limit - len(found), refused)
            if not wanted:
                break
            given, error = await self._claim(wanted, worker)
            found += given
            if error is not None:
                self._say_that_more_waits(tasks, found, error)
                break
            if len(given) == len(wanted):
                break
            # What went to others, or timed out just now, hides what waits behind it.
            refused.update((id, ref) for id, ref, _ in wanted)
            refused.difference_update((a.execution_id, a.ref) for a in given)
        return found

    async def _waiting_for(
        self, tasks: Sequence[str], limit: int, refused: set[tuple[str, str]]
    ) -> list[tuple[str, str, int]]:
        now = self._clock.now()
        # Those that somebody else is claiming at this moment are passed over.
        passed_over = self._claiming | refused
        wanted: list[tuple[str, str, int]] = []
        queues = [queue for task in tasks for queue in self._limits.queues(task, limit)]
        for queue in queues:
            # Where no more may run, nobody reads over all that waits.
            free = limit - len(wanted)
            most = min(free, self._limits.room(queue, free)) if free else 0
            if most:
                ready = await self.store.ready(queue, now, most + len(passed_over))
                found = [(each.execution_id, each.ref, each.attempt) for each in ready]
                wanted += [each for each in found if each[:2] not in passed_over][:most]
                if not ready:
                    self._limits.found_empty(queue)
        return wanted[:limit]

    def _say_that_more_waits(
        self, tasks: Sequence[str], found: list[Assignment], error: StoreError
    ) -> None:
        """The store had trouble: nobody may think that nothing waits."""
        if not found:
            raise error
        for task in tasks:
            self._wake(task)

    async def _claim(
        self, wanted: list[tuple[str, str, int]], worker: str
    ) -> tuple[list[Assignment], StoreError | None]:
        claims = {(execution_id, ref) for execution_id, ref, _ in wanted}
        self._claiming |= claims
        try:
            answers = await asyncio.gather(
                *(
                    self._submit(execution_id, facts.Claimed(ref, attempt, worker))
                    for execution_id, ref, attempt in wanted
                ),
                return_exceptions=True,
            )
        finally:
            self._claiming -= claims
        found = [answer for answer in answers if isinstance(answer, Assignment)]
        return found, next((error for error in answers if isinstance(error, StoreError)), None)
