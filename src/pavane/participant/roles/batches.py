"""Batches: all that is ready goes into one transaction; in it each execution has its own entry."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

from pavane.core.projection.choreography import Choreography
from pavane.errors import StoreError
from pavane.participant import points
from pavane.participant.roles.item import Item
from pavane.participant.roles.known_rows import KnownRows
from pavane.participant.roles.turns import DancerMaker, Work, changes_nothing
from pavane.participant.set_aside import SetAside
from pavane.ports.clock import Clock
from pavane.ports.ledger import Entry, Ledger, RowKey
from pavane.ports.probe import Probe

_LOG = logging.getLogger("pavane.participant")

_BATCH = 200
_KNOWN_MAX = 5_000  # executions whose rows are kept at hand
_PAUSE_S = (0.05, 5.0)
_HOLD_S = 0.2  # a step without effect that takes longer is written down like any other


class Batches:
    """Takes items in, and commits what they bring about, batch by batch.

    `begin` has the attempts of a work made, `won` is told of works that are durable.
    """

    def __init__(
        self,
        role: str,
        ledger: Ledger,
        clock: Clock,
        probe: Probe,
        dancer: DancerMaker,
        aside: SetAside,
        choreographies: dict[str, Choreography],
        begin: Callable[[Work], None],
        won: Callable[[list[Work]], Awaitable[None]],
    ) -> None:
        self.role = role
        self.ledger = ledger
        self._clock = clock
        self._probe = probe
        self._dancer = dancer
        self._aside = aside
        self._choreographies = choreographies
        self._begin = begin
        self._won = won
        self._queue: deque[Item] = deque()
        self._news = asyncio.Event()
        self._known: OrderedDict[str, KnownRows] = OrderedDict()
        self._held: dict[str, Work] = {}  # begun and not written: steps without effect
        self._in_hand: list[Item] = []

    def add(self, item: Item) -> None:
        """One more thing to take in."""
        self._queue.append(item)
        self._news.set()

    def forget(self) -> None:
        """Keep nothing at hand: some of it may have been pruned, and would not be missed."""
        self._known.clear()

    async def run(self) -> None:
        """Take in, for ever."""
        pause_s, longest_s = _PAUSE_S
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
                try:
                    await self._batch(batch)
                    pause_s = _PAUSE_S[0]
                except StoreError as error:
                    _LOG.warning("the ledger has trouble: %s", error)
                    self._queue.extendleft(reversed(self._in_hand))
                    self._known.clear()
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, longest_s)

    async def _batch(self, batch: list[Item]) -> None:
        self._probe.at(points.TAKEN)
        works: dict[str, Work] = {}
        differs = ""  # an execution of which somebody speaks by another definition
        for n, item in enumerate(batch):
            work = works.get(item.execution) or self._held.pop(item.execution, None)
            if work is not None and work.choreography.hash != item.definition:
                works[item.execution], differs = work, item.execution
                self._queue.extendleft(reversed(batch[n:]))  # a turn is by one definition
                self._news.set()
                break
            if work is None:
                choreography = self._choreographies[item.definition]
                known = self._known.pop(item.execution, None) or KnownRows()
                work = Work(choreography, item.execution, known)
            works[item.execution] = work
            work.items.append(item)
        self._in_hand = [item for work in works.values() for item in work.items]
        now = self._clock.now()
        await self._fold(works, now)
        unheld = [each for each in works if each != differs and works[each].may_wait()]
        for execution in unheld:
            self._hold(works.pop(execution))
        entries = [work.finish(self.role, now) for work in works.values()]
        self._probe.at(points.DECIDED)
        written = [each for each in entries if not changes_nothing(each)]
        lost = await self._commit(written)
        self._probe.at(points.COMMITTED)
        won: list[Work] = []
        for work in works.values():
            if id(work.entry) in lost:
                # Loaded anew, and tried again.
                self._queue.extendleft(reversed(await self._not_taken_up(work.items)))
                continue
            if not changes_nothing(work.entry):
                work.committed()
            self._keep(work)
            won.append(work)
        await self._won(won)

    def _hold(self, work: Work) -> None:
        """Begin attempts without effect before anything is written; write it soon, or with them."""
        self._held[work.execution] = work
        self._begin(work)
        work.runs = []
        write = Item(work.execution, work.choreography.hash, None)
        asyncio.get_running_loop().call_later(_HOLD_S, self._write_held, work, write)

    def _write_held(self, work: Work, write: Item) -> None:
        if self._held.get(work.execution) is work:
            self.add(write)

    async def _not_taken_up(self, items: list[Item]) -> list[Item]:
        """Without what was set aside and was taken up meanwhile, here or by another process."""
        if not any(item.taken for item in items):
            return items
        there = await self._aside.ids()
        left = [item for item in items if there.issuperset(item.taken)]
        for item in items:
            if not there.issuperset(item.taken):
                item.settle(False)
        return left

    async def _commit(self, entries: list[Entry]) -> set[int]:
        if not entries:
            return set()
        return {id(entries[index]) for index in await self.ledger.commit(entries)}

    async def _fold(self, works: dict[str, Work], now: int) -> None:
        """Take everything in; rows that are missing are loaded for the whole batch at once."""
        wanted: dict[str, set[RowKey]] = {
            id: set() for id, work in works.items() if work.known.revision < 0
        }
        ahead = dict(works)
        while ahead:
            if wanted:
                loaded = await self.ledger.load(wanted)
                for id, keys in wanted.items():
                    works[id].known.take(keys, loaded[id])
            wanted = {}
            for id, work in list(ahead.items()):
                missing = work.fold(self._dancer, self.role, now)
                if missing is None:
                    del ahead[id]
                else:
                    wanted[id] = {missing}

    def _keep(self, work: Work) -> None:
        self._known[work.execution] = work.known
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)
