"""Use case: a worker asks for tasks that wait in their queues, and leases them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pavane.core.model import fact as facts
from pavane.core.model.fact import Fact
from pavane.core.model.rows import Ready
from pavane.core.model.work import Assignment
from pavane.engine.limits import Limits
from pavane.engine.others import Others
from pavane.engine.shares import Shares
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
        others: Others,
    ) -> None:
        self.store = store
        self._clock = clock
        self._submit = submit
        self._wake = wake
        self._limits = limits
        self._others = others
        self._shares = Shares(others, wake)
        self._claiming: set[tuple[str, str]] = set()

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """As `Engine.poll`."""
        self._others.asks(tasks, worker)
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
            refused.update((each.execution_id, each.ref) for each in wanted)
            refused.difference_update((a.execution_id, a.ref) for a in given)
        return found

    async def _waiting_for(
        self, tasks: Sequence[str], limit: int, refused: set[tuple[str, str]]
    ) -> list[Ready]:
        now = self._clock.now()
        # Those that somebody else is claiming at this moment are passed over.
        passed_over = self._claiming | refused
        wanted: list[Ready] = []
        queues = [queue for task in tasks for queue in self._limits.queues(task, limit)]
        for queue in queues:
            # Where no more may run, nobody reads over all that waits.
            free = limit - len(wanted)
            most = min(free, self._limits.room(queue, free)) if free else 0
            if most:
                nodes = self._shares.nodes(queue)
                ready = await self.store.ready(queue, now, nodes * most + len(passed_over))
                found = [e for e in ready if (e.execution_id, e.ref) not in passed_over]
                if nodes > 1:
                    found = self._shares.in_turn(found, most, now)
                wanted += found[:most]
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
        self, wanted: list[Ready], worker: str
    ) -> tuple[list[Assignment], StoreError | None]:
        claims = {(each.execution_id, each.ref) for each in wanted}
        self._claiming |= claims
        try:
            answers = await asyncio.gather(
                *(
                    self._submit(each.execution_id, facts.Claimed(each.ref, each.attempt, worker))
                    for each in wanted
                ),
                return_exceptions=True,
            )
        finally:
            self._claiming -= claims
        found = [answer for answer in answers if isinstance(answer, Assignment)]
        self._shares.claimed(wanted, {(each.execution_id, each.ref) for each in found})
        return found, next((error for error in answers if isinstance(error, StoreError)), None)
