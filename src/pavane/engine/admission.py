"""How many executions of a workflow run at once, for each key: who has a place, who gets the next.

Both are rows of the executions themselves, written with what begins and ends. So places are counted
from the store at the start, and from then on from each commit: a death loses none. Whoever waits
does so in the store; a lane is looked into when there is room in it.

On a store that others use too what is known here is a guess, as in `limits`: the store decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from itertools import islice
from typing import Final

from pavane.core.model.fact import Admitted
from pavane.core.model.lanes import workflow_lane, workflow_of
from pavane.core.model.rows import OWN, Ready
from pavane.engine.registry import Registry
from pavane.engine.work_set import WorkSet
from pavane.errors import PavaneError, StoppingError, StoreError
from pavane.ports.store import Bound, Store

_LOG = logging.getLogger("pavane.engine")

_FOREVER: Final = 1 << 62  # whoever waits may have a place at once, whatever the time
_AT_ONCE: Final = 100  # executions admitted in one look, lanes looked into side by side
_KNOWN_MOST: Final = 10_000  # places that are kept in mind, where what is forgotten is a guess
_LOOKED_INTO_MOST: Final = 1000  # lanes at once
_TROUBLE_S: Final = 1.0  # until another look where one did not do


class Admission:
    """The places of all workflows, by lane. `submit` gives a fact to an execution.

    A place is promised to an execution of which a batch decides, and held once that is committed.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        submit: Callable[[str, Admitted], Awaitable[object]],
    ) -> None:
        self._store = store
        self._registry = registry
        self._submit = submit
        self._most: dict[str, int] = {}  # by workflow, as registered last; 0: no limit
        self._held: dict[str, str] = {}  # by execution its lane
        self._promised: dict[str, str] = {}
        self._taken: Counter[str] = Counter()  # by lane, held and promised
        self._waiting: dict[str, int] = {}  # lanes in which somebody may wait, and how often told
        self._turn = 0
        self._to_look: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._refused: set[str] = set()  # executions that had no use for a place just now
        self._passed_over: set[str] = set()  # of these, those that could not be decided
        self._bells: dict[str, asyncio.TimerHandle] = {}
        self._shared = store.members is not None
        self._journal: list[tuple[str, str]] | None = None  # as in `Limits`
        self.doubtful: set[str] = set()
        self.freed: set[str] = set()
        self.freed_somewhere: set[str] = set()  # workflows

    def resume(self, held: Iterable[Ready], queues: Iterable[str]) -> None:
        """At the start: who has a place, and where somebody waits for one."""
        for ready in held:
            if ready.ref == OWN:
                self._has(ready.execution_id, ready.queue)
        for queue in queues:
            if workflow_of(queue):
                self.stands_in(queue)
        self.changed()

    async def run(self) -> None:
        """Give the places that are free to who waits, for ever; cancel to stop."""
        while True:
            self._wake.clear()
            while lanes := list(self._to_look)[:_AT_ONCE]:
                for lane in lanes:
                    del self._to_look[lane]
                await asyncio.gather(*map(self._look, lanes))
            await self._wake.wait()

    def stop(self) -> None:
        """Look into nothing any more."""
        for bell in self._bells.values():
            bell.cancel()
        self._bells.clear()

    # --- places ---------------------------------------------------------------------------------

    async def most(self, lane: str) -> int:
        """How many may run at once in a lane, as the newest version says; 0 is any number."""
        workflow = workflow_of(lane)
        known = self._most.get(workflow)
        if known is None:
            limit = None
            if self._registry.newest(workflow):
                hash = self._registry.find(workflow)
                limit = (await self._registry.workflow(hash)).rate_limit_config
            known = self._most[workflow] = limit.concurrent_exec_limit if limit else 0
        return known

    def taken(self, lane: str) -> int:
        """How many have a place in the lane."""
        return self._taken.get(lane, 0)

    def promise(self, execution_id: str, lane: str, most: int, *, first: bool) -> bool:
        """Promise a place, if there is one; unless `first`, not before those who wait already."""
        if lane in (self._held.get(execution_id), self._promised.get(execution_id)):
            return True
        if most and (self.taken(lane) >= most or (lane in self._waiting and not first)):
            return False
        if before := self._promised.pop(execution_id, ""):
            self._leave(before)
        self._promised[execution_id] = lane
        self._taken[lane] += 1
        return True

    def bounds(self, execution_ids: Iterable[str]) -> list[Bound]:
        """What the store is to see to of what was promised, where others may promise it too."""
        if not self._shared:
            return []
        lanes = Counter(self._promised[id] for id in execution_ids if id in self._promised)
        most = {lane: self._most.get(workflow_of(lane), 0) for lane in lanes}
        return [Bound(lane, most[lane], count) for lane, count in lanes.items() if most[lane]]

    def stands_in(self, lane: str) -> None:
        """Somebody may wait there from now on: whoever comes next is behind."""
        self._waiting[lane] = self._waiting.get(lane, 0) + 1

    def turn(self, now: int) -> int:
        """Behind all others in the order of waiting: by time, and of one time as they came."""
        self._turn = max(self._turn + 1, now)
        return self._turn

    def committed(self, won: Iterable[WorkSet], promised: Collection[str]) -> None:
        """These changes are durable; what was promised for them is held now, or not needed."""
        told: dict[str, None] = {}
        for work in won:
            if OWN not in work.ready:
                continue
            ready = work.ready[OWN]
            lane = ready.queue if ready is not None and ready.worker else ""
            if before := self._has(work.id, lane):
                told[before] = None
                if self._shared:
                    self.freed.add(before)
            elif self._shared and ready is None:
                self._ended(work)
            if not lane and ready is not None:
                self.stands_in(ready.queue)
                told[ready.queue] = None
        for execution_id in promised:
            if lane := self._promised.pop(execution_id, ""):
                self._leave(lane)
                told[lane] = None
        for lane in told:
            self._tell(lane)

    def changed(self) -> None:
        """Definitions have changed: there may be room where there was none."""
        self._most.clear()
        for lane in self._waiting:
            self._tell(lane)

    # --- what others do -------------------------------------------------------------------------

    def unsure(self) -> list[str]:
        """Lanes in which somebody waits, and that are full for all that is known here."""
        full = list(islice(filter(self._is_full, self._waiting), _LOOKED_INTO_MOST))
        for lane in full:  # next time the others
            self._waiting[lane] = self._waiting.pop(lane)
        return full

    def begin_looking(self) -> None:
        """As `Limits.begin_looking`."""
        self._journal = []

    def learn(self, lanes: Collection[str], held: Iterable[Ready]) -> None:
        """As `Limits.learn`."""
        journal, self._journal = self._journal or (), None
        for execution_id in [id for id, lane in self._held.items() if lane in lanes]:
            self._has(execution_id, "")
        for ready in held:
            if ready.ref == OWN:
                self._has(ready.execution_id, ready.queue)
        for execution_id, lane in journal:
            self._has(execution_id, lane)
        for lane in lanes:
            self._tell(lane)

    def _ended(self, work: WorkSet) -> None:
        """An execution has no place any more, of which it was not known that it had one."""
        assert work.rows is not None
        self.freed_somewhere.add(work.rows.header.workflow)
        self.doubt_all_of(work.rows.header.workflow)

    def doubt_all_of(self, workflow: str) -> None:
        """One of the executions has ended; of which lane is not known."""
        lanes = (lane for lane in self._waiting if workflow_of(lane) == workflow)
        self.doubt([workflow_lane(workflow, None), *islice(lanes, _AT_ONCE)])

    def doubt(self, lanes: Iterable[str]) -> None:
        """As `Limits.doubt`."""
        self.doubtful.update(filter(self._is_full, lanes))

    def _is_full(self, lane: str) -> bool:
        most = self._most.get(workflow_of(lane), 0)
        return bool(most) and self.taken(lane) >= most

    def _has(self, execution_id: str, lane: str) -> str:
        """It has a place there from now on, or none; where it had one before, if elsewhere."""
        if self._journal is not None:
            self._journal.append((execution_id, lane))
        before = self._held.pop(execution_id, "")
        if before:
            self._leave(before)
        if lane:
            if self._shared and len(self._held) >= _KNOWN_MOST:
                self._leave(self._held.pop(next(iter(self._held))))
            self._held[execution_id] = lane
            self._taken[lane] += 1
        return before if before != lane else ""

    def _leave(self, lane: str) -> None:
        self._taken[lane] -= 1
        if self._taken[lane] <= 0:
            del self._taken[lane]

    # --- who waits ------------------------------------------------------------------------------

    def _tell(self, lane: str) -> None:
        """There may be a place for somebody who waits in the lane."""
        if lane in self._waiting and not self._is_full(lane):
            self._to_look[lane] = None
            self._wake.set()

    def _later(self, lane: str) -> None:
        """Look again in a while."""

        def ring() -> None:
            del self._bells[lane]
            self._refused.clear()
            self._passed_over.clear()
            self._tell(lane)

        if lane not in self._bells:
            loop = asyncio.get_running_loop()
            self._bells[lane] = loop.call_later(_TROUBLE_S, ring)

    async def _look(self, lane: str) -> None:
        """Admit those whose turn it is. Whoever cannot be decided holds nobody up."""
        told = self._waiting.get(lane, 0)
        try:
            most = await self.most(lane)
            free = min(most - self.taken(lane), _AT_ONCE) if most else _AT_ONCE
            if not told or free <= 0:
                return
            asked = free + len(self._passed_over) + 1
            rows = await self._store.ready(lane, _FOREVER, asked)
        except PavaneError as error:
            _LOG.warning("places of %s: %s", workflow_of(lane), error)
            self._later(lane)
            return
        ids = [each.execution_id for each in rows if each.execution_id not in self._passed_over]
        turn = ids[:free]
        answers = await asyncio.gather(
            *(self._ask(each, lane) for each in turn), return_exceptions=True
        )
        again = [self._went(lane, *each) for each in zip(turn, answers, strict=True)]
        if any(again):
            self._tell(lane)
        elif not rows and self._waiting.get(lane) == told:
            del self._waiting[lane]

    def _went(self, lane: str, execution_id: str, answer: object) -> bool:
        """What came of asking an execution in; whether another look makes sense at once."""
        if answer is True:
            return True
        self._later(lane)
        if isinstance(answer, BaseException):
            _LOG.warning("%s cannot have its place: %s", execution_id, answer)
        if isinstance(answer, StoreError | StoppingError):
            return False
        if isinstance(answer, BaseException):
            self._passed_over.add(execution_id)
        fresh = execution_id not in self._refused
        self._refused.add(execution_id)
        return fresh

    async def _ask(self, execution_id: str, lane: str) -> object:
        return await self._submit(execution_id, Admitted(lane))
