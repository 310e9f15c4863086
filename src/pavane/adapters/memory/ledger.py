"""The ledger in memory: the simplest keeper of the promises, and the oracle for the others."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence

from pavane.adapters.counting import LedgerCounters
from pavane.adapters.memory.ledger_rows import LedgerRows
from pavane.adapters.memory.results import Check, MemoryResults
from pavane.errors import LeaseLostError, StoreBusyError, StoreError, StoreFullError
from pavane.ports.ledger import Aside, AsideKind, Entry, Loaded, Record, RowKey, Todo

_LAST = "\U0010ffff"


class MemoryLedger:
    """Keeps everything in memory; nothing survives the process.

    Simulations set `full` to let commits fail for want of room, call `crash` to go on with what a
    new process would find, and `second` for a process that stands by on the same rows. One that is
    `silent` gives no sign of life, and is put out by a `second` that opens.
    """

    def __init__(self) -> None:
        self.full = False
        self.silent = False
        self._is_lost = asyncio.Event()
        self.counters = LedgerCounters()
        self._open = False
        self._rows = LedgerRows()
        self._offsets: dict[str, int] = {}

    def crash(self) -> MemoryLedger:
        """The ledger that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there, and nothing else: an offset as the last commit found it.
        """
        new = self.second()
        if self._rows.server is self:
            self._rows.server = None
        if self._rows.results is not None:
            self._rows.results = self._rows.results.crash(*new._checks())
        self._open = False
        self._rows = LedgerRows()
        return new

    def second(self) -> MemoryLedger:
        """Another process's ledger on the same rows; `open` refuses while this one serves."""
        new = type(self)()
        new._rows = self._rows
        return new

    @property
    def results(self) -> MemoryResults:
        """What it remembers of tasks, in a database that is made when it is first used."""
        if self._rows.results is None:
            self._rows.results = MemoryResults(*self._checks())
        return self._rows.results

    async def open(self) -> None:
        """Begin to serve."""
        if self._open:
            return
        if isinstance(server := self._rows.server, MemoryLedger):
            if not server.silent:
                raise StoreBusyError(
                    "Another process serves this memory ledger.", "Close the other one first."
                )
            server._is_lost.set()
        self._rows.server = self
        results = self._rows.results
        if results is not None and results.checks != self._checks():  # another process's
            self._rows.results = results.crash(*self._checks())
        self._is_lost = asyncio.Event()
        self._offsets = dict(self._rows.offsets)
        self._open = True

    async def close(self) -> None:
        """Serve nobody any more; the rows stay, and `open` serves them again."""
        if self._open and not self.is_lost:
            self._rows.offsets = self._offsets
            self._rows.server = None
        self._open = False

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken it over since it was opened."""
        return self._is_lost.is_set()

    async def lost(self) -> None:
        """Wait until another process has taken it over."""
        await self._is_lost.wait()

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        """The rows of each execution."""
        self._check_open()
        self.counters.loads += 1
        loaded: dict[str, Loaded] = {}
        for execution, keys in wanted.items():
            found = loaded[execution] = Loaded()
            rows = self._rows.executions.get(execution)
            if rows is not None:
                found.revision = rows.revision
                for key in keys:
                    found.rows.update(rows.find(key))
        return loaded

    async def seen(self, messages: Collection[str]) -> set[str]:
        """Those of the ids that are in the inbox."""
        self._check_open()
        self.counters.lookups += 1
        return {message for message in messages if message in self._rows.inbox}

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        """Write the entries; returns the indexes of those that lost."""
        self._check_open()
        if not entries:
            return set()
        self._check_room()
        lost: set[int] = set()
        for index, entry in enumerate(entries):
            if self._wins(entry):
                self._rows.apply(entry)
                self.counters.wrote(entry)
            else:
                lost.add(index)
        self._rows.offsets = dict(self._offsets)
        self.counters.commits += 1
        self.counters.lost += len(lost)
        return lost

    def _wins(self, entry: Entry) -> bool:
        """Whether the revision is the expected one, the message new, and what is taken there."""
        if entry.execution:
            rows = self._rows.executions.get(entry.execution)
            if entry.revision != (rows.revision if rows else 0):
                return False
        messages, once = set(entry.messages), set(entry.taken)
        if len(messages) != len(entry.messages) or not messages.isdisjoint(self._rows.inbox):
            return False
        return len(once) == len(entry.taken) and once <= self._rows.aside.keys()

    async def log_after(self, position: int, limit: int) -> list[Record]:
        """The log behind a position, oldest first."""
        self._check_open()
        log = self._rows.log[position : position + limit]
        return [Record(number, out) for number, out in enumerate(log, position + 1)]

    async def offset(self, name: str) -> int:
        """A position that somebody keeps here."""
        self._check_open()
        return self._offsets.get(name, 0)

    async def keep_offset(self, name: str, position: int) -> None:
        """Remember a position; it becomes durable with the next commit."""
        self._check_open()
        self._offsets[name] = position

    async def due(self, now: int, limit: int) -> list[Todo]:
        """Timers at or before now."""
        self._check_open()
        timers = self._rows.timers
        end = min(bisect_right(timers, (now, _LAST, _LAST)), limit)
        return [self._rows.todo(execution, name) for _, execution, name in timers[:end]]

    async def next_due(self) -> int:
        """The earliest timer of all, 0 when there is none."""
        self._check_open()
        return self._rows.timers[0][0] if self._rows.timers else 0

    async def work(self, after: tuple[str, str], limit: int) -> list[Todo]:
        """Todos that have a queue, by (execution, name), behind the given one."""
        self._check_open()
        first = bisect_right(self._rows.queued, after)
        found = self._rows.queued[first : first + limit]
        return [self._rows.todo(execution, name) for execution, name in found]

    async def aside(self, kind: AsideKind | None = None, limit: int = 100) -> list[Aside]:
        """What was set aside and not taken back, oldest first."""
        self._check_open()
        found = [a for a in self._rows.aside.values() if kind is None or a.kind == kind]
        return sorted(found, key=lambda a: (a.at, a.id))[:limit]

    async def closed(
        self, before: int, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """The executions that `prune` would forget, behind the given one."""
        self._check_open()
        held = {each.execution for each in self._rows.aside.values()}
        found = [
            (rows.closed_at, execution)
            for execution, rows in self._rows.executions.items()
            if rows.closed_at is not None and rows.closed_at < before and execution not in held
        ]
        return sorted(each for each in found if each > after)[:limit]

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        """Forget inbox ids and closed executions from before these times."""
        self._check_open()
        rows = self._rows
        rows.offsets = dict(self._offsets)
        ids = [id for id, at in rows.inbox.items() if at < inbox_before]
        for id in ids:
            del rows.inbox[id]
        over = await self.closed(closed_before, (-1, ""), len(rows.executions))
        for _, execution in over:
            rows.drop_execution(execution)
        results = await rows.results.prune_results(inbox_before) if rows.results else 0
        return len(ids) + len(over) + results

    def _checks(self) -> tuple[Check, Check]:
        return self._check_open, self._check_room

    def _check_room(self) -> None:
        if self.full:
            raise StoreFullError(
                "The ledger has no room left; nothing was written.", "Make room, then try again."
            )

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("The memory ledger is not open.", "Call open() first.")
        if self._is_lost.is_set():
            raise LeaseLostError("Another process has taken over.", "Stand by until it is free.")
