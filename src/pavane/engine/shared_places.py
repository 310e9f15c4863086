"""Places of which several nodes take: what the store has of them, where a guess does not do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Final

from pavane.core.model.lanes import task_of, workflow_of
from pavane.core.model.rows import Ready
from pavane.engine.admission import Admission
from pavane.engine.limits import Limits
from pavane.errors import PavaneError
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

_PAUSE_S: Final = 0.02  # between looks for what others may have ended


class SharedPlaces:
    """The places of tasks and of executions, as all nodes on the store have them."""

    def __init__(self, store: Store, limits: Limits, admission: Admission) -> None:
        self._store = store
        self._limits = limits
        self._admission = admission
        self._is_alone = store.members is None
        self._turn = asyncio.Lock()
        self._some = asyncio.Event()

    async def resume(self) -> list[Ready]:
        """At the start: what has places, and what waits for them; gives the leases."""
        held = await self._store.leases("")
        async with self._store.snapshot() as snapshot:
            queues = await snapshot.queues()
        self._limits.resume(held, queues, await self._store.paces())
        self._admission.resume(held, queues)
        return held

    def stand(self, queues: Iterable[str]) -> None:
        """Something waits in these queues, whoever put it there."""
        for queue in queues:
            if workflow_of(queue):
                self._admission.stands_in(queue)
            else:
                self._limits.stands(queue)

    async def look(self, queues: Collection[str]) -> None:
        """What others have of these queues. Where the store has trouble, it stays a guess."""
        asked = set(queues)
        if self._is_alone or not asked:
            return
        async with self._turn:
            self._limits.begin_looking()
            self._admission.begin_looking()
            held, paces = list[Ready](), dict[str, bytes]()
            try:
                held = await self._store.held(asked)
                if any(self._limits.has_rate(task_of(queue)) for queue in asked):
                    paces = await self._store.paces()
            except PavaneError as error:
                _LOG.warning("who has places is not known: %s", error)
                asked.clear()
            self._limits.learn(asked, held, paces)
            self._admission.learn(asked, held)

    async def look_again(self) -> None:
        """Into all queues in which somebody waits in vain, for all that is known here."""
        await self.look([*self._limits.unsure(), *self._admission.unsure()])

    def committed(self) -> tuple[set[str], set[str]]:
        """What has ended: the queues in which places are free now, and workflows that have one.

        Something may have ended of which was not known that somebody had it.
        """
        if self._limits.doubtful or self._admission.doubtful:
            self._some.set()
        queues = self._limits.freed | self._admission.freed
        workflows = self._admission.freed_somewhere
        self._limits.freed, self._admission.freed = set(), set()
        self._admission.freed_somewhere = set()
        return queues, workflows

    def doubt(self, queue: str) -> None:
        """Others have ended something of this queue."""
        if workflow_of(queue):
            self._admission.doubt([queue])
        else:
            self._limits.doubt(queue)
        self.committed()

    def doubt_all_of(self, workflow: str) -> None:
        """Others have ended an execution of this workflow."""
        self._admission.doubt_all_of(workflow)
        self.committed()

    async def run(self) -> None:
        """Look where something ended that was not known of, for ever; cancel to stop."""
        while True:
            await self._some.wait()
            self._some.clear()
            doubtful = self._limits.doubtful | self._admission.doubtful
            self._limits.doubtful.clear()
            self._admission.doubtful.clear()
            await self.look(doubtful)
            await asyncio.sleep(_PAUSE_S)
