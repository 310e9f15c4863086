"""Use case: a worker asks for tasks that wait in their queues, and leases them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pavane.core.model import fact as facts
from pavane.core.model.fact import Fact
from pavane.core.model.work import Assignment
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
    ) -> None:
        self.store = store
        self._clock = clock
        self._submit = submit
        self._wake = wake
        self._claiming: set[tuple[str, str]] = set()

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """As `Engine.poll`."""
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
        for task in tasks:
            if len(wanted) < limit:
                many = limit - len(wanted) + len(passed_over)
                for ready in await self.store.ready(task, now, many):
                    if (ready.execution_id, ready.ref) not in passed_over:
                        wanted.append((ready.execution_id, ready.ref, ready.attempt))
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
