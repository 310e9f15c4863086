"""Ledgers that break one promise each, and are right otherwise."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

from msgspec.structs import replace

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.memory.ledger_rows import LedgerRows
from pavane.errors import StoreFullError
from pavane.ports.ledger import ALL, Aside, AsideKind, Entry, Loaded, Record, RowKey, Todo


class TornLog(MemoryLedger):
    """1, atomic: writes the log first, whoever wins."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        for entry in entries:
            self._rows.log.extend(entry.records)
        return await super().commit([replace(entry, records=[]) for entry in entries])


class TornInbox(MemoryLedger):
    """1, atomic: remembers the message of an entry that lost."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost = await super().commit(entries)
        self._rows.inbox |= {entries[n].message: 0 for n in lost if entries[n].message}
        return lost


class TornByDeath(MemoryLedger):
    """1, atomic: a transaction for each entry, with time to die in between."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost: set[int] = set()
        for index, entry in enumerate(entries):
            await asyncio.sleep(0)
            if await super().commit([entry]):
                lost.add(index)
        return lost


class Unfenced(MemoryLedger):
    """2, fenced: the last writer wins."""

    def _wins(self, entry: Entry) -> bool:
        return super()._wins(replace(entry, execution=""))


class SkipsAhead(MemoryLedger):
    """2, fenced: refuses what is older, and lets nobody's future pass."""

    def _wins(self, entry: Entry) -> bool:
        rows = self._rows.executions.get(entry.execution)
        stored = rows.revision if rows else 0
        return entry.revision >= stored and super()._wins(replace(entry, execution=""))


class BlindBatch(MemoryLedger):
    """2, fenced: decides about all entries of a batch before it writes the first."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        self._check_open()
        won = [self._wins(entry) for entry in entries]
        for entry, wins in zip(entries, won, strict=True):
            if wins:
                self._rows.apply(entry)
        return {index for index, wins in enumerate(won) if not wins}


class Late(MemoryLedger):
    """3, durable: answers before the last batch is safe."""

    safe = LedgerRows()

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        rows, rows.server = self._rows, None
        self.safe = deepcopy(rows)
        rows.server = self
        return await super().commit(entries)

    def crash(self) -> MemoryLedger:
        self._rows = self.safe
        return super().crash()


class Stale(MemoryLedger):
    """4, visible: remembers what it once loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[str, frozenset[RowKey]], Loaded] = {}

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        loaded = await super().load(wanted)
        return {
            id: self.known.setdefault((id, frozenset(wanted[id])), found)
            for id, found in loaded.items()
        }


class Sparse(MemoryLedger):
    """4, visible: leaves out executions that it does not know."""

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        return {id: found for id, found in (await super().load(wanted)).items() if found.revision}


class GroupsByPrefix(MemoryLedger):
    """5, grouped: takes a group for the beginning of a name."""

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        loaded = await super().load(wanted)
        for id, keys in wanted.items():
            rows = self._rows.executions.get(id)
            for group, name in keys:
                for other in rows.groups if rows and name == ALL else ():
                    if other.startswith(group):
                        loaded[id].rows |= rows.find(RowKey(other, ALL)) if rows else {}
        return loaded


class KeepsEmpty(MemoryLedger):
    """5, grouped: writes an empty body as any other."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost = await super().commit(entries)
        for index, entry in enumerate(entries):
            for (group, name), body in entry.rows.items():
                if not body and index not in lost:
                    rows = self._rows.execution(entry.execution)
                    rows.groups.setdefault(group, {})[name] = b""
        return lost


class LogByExecution(MemoryLedger):
    """6, logged: sorts a batch by execution."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        start = len(self._rows.log)
        lost = await super().commit(entries)
        won = [entry for index, entry in enumerate(entries) if index not in lost]
        won.sort(key=lambda entry: entry.execution)
        self._rows.log[start:] = [record for entry in won for record in entry.records]
        return lost


class SkipsOne(MemoryLedger):
    """6, logged: a page begins one too late, but for the first."""

    async def log_after(self, position: int, limit: int) -> list[Record]:
        return await super().log_after(position + 1 if position else 0, limit)


class PrunesLog(MemoryLedger):
    """6, logged: positions begin anew when everything was pruned."""

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        gone = await super().prune(inbox_before, closed_before)
        if gone and not self._rows.executions:
            self._rows.log.clear()
        return gone


class DueByName(MemoryLedger):
    """7, timely: sorts what is due by execution."""

    async def due(self, now: int, limit: int) -> list[Todo]:
        found = await super().due(now, 1_000_000)
        return sorted(found, key=lambda todo: (todo.execution, todo.name))[:limit]


class Early(MemoryLedger):
    """7, timely: gives what is due within the second."""

    async def due(self, now: int, limit: int) -> list[Todo]:
        return await super().due(now + 10, limit)


class FirstTodoStays(MemoryLedger):
    """7, timely: a todo does not replace the one of its name."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost: set[int] = set()
        for index, entry in enumerate(entries):
            known = self._rows.execution(entry.execution).todos.keys() - set(entry.done)
            todos = [todo for todo in entry.todos if todo.name not in known]
            if await super().commit([replace(entry, todos=todos)]):
                lost.add(index)
        return lost


class DoneAfterwards(MemoryLedger):
    """7, timely: what is done goes after what comes."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost = await super().commit(entries)
        for index, entry in enumerate(entries):
            for name in entry.done if index not in lost else ():
                self._rows.drop_todo(entry.execution, name)
        return lost


class TextOnly(MemoryLedger):
    """8, kept: takes all data for text."""

    async def aside(self, kind: AsideKind | None = None, limit: int = 100) -> list[Aside]:
        def as_text(event: Any) -> Any:
            return replace(event, data=event.data.decode(errors="replace").encode())

        found = await super().aside(kind, limit)
        return [replace(aside, event=as_text(aside.event)) for aside in found]


class GivesTwice(MemoryLedger):
    """8, kept: takes no notice of what was taken back before."""

    def _wins(self, entry: Entry) -> bool:
        return super()._wins(replace(entry, taken=[]))

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost: set[int] = set()
        for index, entry in enumerate(entries):
            there = [id for id in entry.taken if id in self._rows.aside]
            if await super().commit([replace(entry, taken=there)]):
                lost.add(index)
        return lost


class PrunesOne(MemoryLedger):
    """9, pruned: takes the time itself for before."""

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        return await super().prune(inbox_before + 1, closed_before + 1)


class PrunesOpen(MemoryLedger):
    """9, pruned: takes executions by their age, also those that go on."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        lost = await super().commit(entries)
        for index, entry in enumerate(entries):
            if entry.execution and index not in lost:
                self._rows.execution(entry.execution).closed_at = entry.at
        return lost


class ClosedForGood(MemoryLedger):
    """9, pruned: does not notice that an execution goes on again."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        closed = {id: rows.closed_at for id, rows in self._rows.executions.items()}
        lost = await super().commit(entries)
        for id, at in closed.items():
            rows = self._rows.executions[id]
            rows.closed_at = at if at is not None else rows.closed_at
        return lost


class PrunesAside(MemoryLedger):
    """9, pruned: what was set aside goes with its execution."""

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        gone = await super().prune(inbox_before, closed_before)
        kept = {id: a for id, a in self._rows.aside.items() if a.execution in self._rows.executions}
        self._rows.aside = kept
        return gone


class PrunesBeforeItNotes(MemoryLedger):
    """9, pruned: an offset that was kept may be lost with the process still."""

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        before = self._rows.offsets
        gone = await super().prune(inbox_before, closed_before)
        self._rows.offsets = before
        return gone


class LateOpens(MemoryLedger):
    """9, pruned: takes an entry that says nothing for one that goes on."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        return await super().commit([replace(each, closed=bool(each.closed)) for each in entries])


class PrunesHeld(MemoryLedger):
    """9, pruned: does not look at what is set aside of an execution."""

    async def closed(
        self, before: int, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        aside, self._rows.aside = self._rows.aside, {}
        try:
            return await super().closed(before, after, limit)
        finally:
            self._rows.aside = aside


class ClosedFromTheStart(MemoryLedger):
    """9, pruned: a page of what is closed begins at the first again."""

    async def closed(
        self, before: int, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        return await super().closed(before, (after[0] - 1, after[1]), limit)


class HalfFull(MemoryLedger):
    """10, full: writes the entries for which there was room, then complains."""

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        if self.full:
            self.full = False
            await super().commit(entries[:1])
            self.full = True
        return await super().commit(entries)


class FullForGood(MemoryLedger):
    """10, full: does not recover when there is room again."""

    broken = False

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        if self.broken:
            raise StoreFullError("There was no room once.")
        self.broken = self.full
        return await super().commit(entries)


class Shared(MemoryLedger):
    """11, alone: opens whatever another process holds."""

    async def open(self) -> None:
        self._rows.server = None
        await super().open()


class LockedForGood(MemoryLedger):
    """11, alone: whoever dies leaves the lock behind."""

    def crash(self) -> MemoryLedger:
        new = super().crash()
        new._rows.server = self
        return new


class NotFencedOff(MemoryLedger):
    """12, leased: goes on writing after another process has taken over."""

    def _check_open(self) -> None:
        self._is_lost.clear()
        super()._check_open()


class NeverTold(MemoryLedger):
    """12, leased: fenced off, but nobody who waits is told."""

    async def lost(self) -> None:
        await asyncio.Event().wait()


class LostForGood(MemoryLedger):
    """12, leased: what was put out never serves again."""

    async def open(self) -> None:
        lost = self._is_lost
        await super().open()
        self._is_lost = lost


class Impatient(MemoryLedger):
    """12, leased: takes over from whoever does not commit for a while."""

    async def open(self) -> None:
        if isinstance(server := self._rows.server, MemoryLedger):
            server.silent = server.counters.commits == self.counters.commits
        await super().open()
