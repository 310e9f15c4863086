"""Stores that break one promise each, and are right otherwise."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from os import PathLike
from typing import Any

from msgspec import structs

from pavane.adapters.bounding import Room
from pavane.adapters.memory.rows import ExecutionRows, Tables
from pavane.adapters.memory.snapshot import MemorySnapshot
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.lock import ServerLock
from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.rows import OWN, Key, Ready
from pavane.errors import StoreFullError
from pavane.ports.store import Bound, LoadedRows, Unit

Wanted = Mapping[str, frozenset[Key] | set[Key]]


class Torn(MemoryStore):
    """1, atomic: writes the changes of a unit one by one."""

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        lost: set[int] = set()
        for index, unit in enumerate(units):
            for change in unit.changes:
                if await super().commit([Unit([change])]):
                    lost.add(index)
        return lost


class Unfenced(MemoryStore):
    """2, fenced: the last writer wins."""

    def _wins(self, unit: Unit) -> bool:
        return True


class KeysUnfenced(MemoryStore):
    """2, fenced: knows revisions, forgets start keys."""

    def _wins(self, unit: Unit) -> bool:
        keys, self._tables.keys = self._tables.keys, {}
        try:
            return super()._wins(unit)
        finally:
            self._tables.keys = keys


class KeysForGood(MemoryStore):
    """2, fenced: does not let go of the key of an execution that has a successor."""

    def _wins(self, unit: Unit) -> bool:
        for change in unit.changes:
            change.header.successor = ""
        return super()._wins(unit)


class Late(MemoryStore):
    """3, durable: answers before the last batch is safe."""

    safe = Tables()

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        self.safe = deepcopy(self._tables)
        return await super().commit(units)

    def crash(self) -> MemoryStore:
        self._tables = self.safe
        return super().crash()


class LateOnDisk(SqliteStore):
    """3, durable: answers first and commits with the next batch."""

    def __init__(self, path: str | PathLike[str], *, durable: bool = True) -> None:
        super().__init__(path, durable=durable)
        self.waiting: list[Unit] = []

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        waiting, self.waiting = self.waiting, list(units)
        await super().commit(waiting)
        return set()


class Stale(MemoryStore):
    """4, visible: remembers what it once loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, LoadedRows] = {}

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        return {id: self.seen.setdefault(id, rows) for id, rows in loaded.items()}


class Oldest(MemoryStore):
    """5, newest: takes the first attempt that it finds."""

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        for id, found in loaded.items():
            for ref, task in found.tasks.items():
                if task is not None:
                    found.tasks[ref] = self._tables.executions[id].tasks[ref][0]
        return loaded


class NewestByText(MemoryStore):
    """5, newest: compares attempts as text, so that 9 is after 11."""

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        for id, found in loaded.items():
            for ref, task in found.tasks.items():
                if task is not None:
                    attempts = self._tables.executions[id].tasks[ref]
                    found.tasks[ref] = max(attempts, key=lambda t: str(t.attempt))
        return loaded


class Unordered(MemoryStore):
    """6, ordered: sorts what is due by execution."""

    async def due(self, now: int, limit: int) -> list[tuple[int, str, str]]:
        return sorted(await super().due(now, limit), key=lambda alarm: alarm[1:])


class GivesLeased(MemoryStore):
    """6, ordered: offers tasks that another worker holds."""

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        found = await super().ready(queue, now, limit)
        return [*found, *(row for row in await self.leases("") if row.queue == queue)][:limit]


class GivesEarly(MemoryStore):
    """6, ordered: does not look at the clock."""

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        return await super().ready(queue, 1 << 60, limit)


class FirstComeFirstServed(MemoryStore):
    """6, ordered: does not look at priorities."""

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        found = await super().ready(queue, now, 1 << 30)
        return sorted(found, key=lambda row: (row.visible_at, row.execution_id, row.ref))[:limit]


class Live(MemoryStore):
    """7, isolated: a snapshot looks at the rows as they are now."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[MemorySnapshot]:
        tables = self._tables

        class View(MemorySnapshot):
            def __getattribute__(self, name: str) -> Any:
                return getattr(MemorySnapshot(tables), name)

        yield View(tables)


class HeldUp(MemoryStore):
    """7, isolated: commits wait until nobody reads."""

    readers = 0

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[MemorySnapshot]:
        self.readers += 1
        try:
            async with super().snapshot() as view:
                yield view
        finally:
            self.readers -= 1

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        while self.readers:  # noqa: ASYNC110  a wait that never ends is what is wanted here
            await asyncio.sleep(0.001)
        return await super().commit(units)


class Shared(SqliteStore):
    """8, alone: opens whatever another server holds."""

    def _take_lock(self, lock: ServerLock) -> bool:
        self._lock = None
        return True


class HalfFull(MemoryStore):
    """9, full: writes the units for which there was room, then complains."""

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        if self.full:
            self.full = False
            await super().commit(units[:1])
            self.full = True
        return await super().commit(units)


class FullForGood(MemoryStore):
    """9, full: does not recover when there is room again."""

    broken = False

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        if self.broken:
            raise StoreFullError("There was no room once.")
        self.broken = self.full
        return await super().commit(units)


class Endless(MemoryStore):
    """10, paged: gives all rows at once."""

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        for id, found in loaded.items():
            for after in found.pages:
                rows = self._tables.executions.get(id)
                found.pages[after] = _behind(rows, after) if rows else ()
        return loaded


class Repeating(MemoryStore):
    """10, paged: a page begins with the ref that it should be behind."""

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        for id, found in loaded.items():
            rows = self._tables.executions.get(id)
            for after, page in found.pages.items():
                if rows and after in rows.ready:
                    found.pages[after] = (rows.ready[after], *page)
        return loaded


class FirstSchedule(MemoryStore):
    """11, scheduled: keeps what was put first."""

    async def put_schedule(self, name: str, body: bytes) -> None:
        if name not in await self.schedules():
            await super().put_schedule(name, body)


class SchedulesForgotten(MemoryStore):
    """11, scheduled: keeps them for itself."""

    def crash(self) -> MemoryStore:
        self._schedules = {}
        return super().crash()


class PacesApart(MemoryStore):
    """12, paced: writes them also where their unit loses."""

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        room = self._room(units)
        for unit in units:
            room.takes(unit)
        self._paces.update(room.bodies())
        return await super().commit(
            [structs.replace(unit, bounds=_unpaced(unit)) for unit in units]
        )


def _unpaced(unit: Unit) -> list[Bound]:
    return [bound for bound in unit.bounds if not bound.within_ms]


class PacesForgotten(MemoryStore):
    """12, paced: keeps them for itself."""

    def crash(self) -> MemoryStore:
        self._paces = {}
        return super().crash()


def _behind(rows: ExecutionRows, after: str) -> tuple[Ready, ...]:
    return tuple(rows.ready[ref] for ref in sorted(rows.ready) if ref > after)


class OwnInPages(MemoryStore):
    """13, own: gives the row of an execution among those of its open tasks."""

    async def load(self, wanted: Wanted) -> dict[str, LoadedRows]:
        loaded = await super().load(wanted)
        for id, found in loaded.items():
            own = self._tables.executions[id].ready.get(OWN) if found.header else None
            if own is not None and "" in found.pages:
                found.pages[""] = (own, *found.pages[""])
        return loaded


class OwnForGood(MemoryStore):
    """13, own: takes the row of an execution for none, so that it never goes."""

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        for unit in units:
            for change in unit.changes:
                change.closed = [ref for ref in change.closed if ref]
        return await super().commit(units)


class Boundless(MemoryStore):
    """14, bounded: counts what a batch takes, and not what is leased."""

    def _room(self, units: Sequence[Unit]) -> Room:
        return Room({}, self._paces)


class PlacesForGood(MemoryStore):
    """14, bounded: a lease that goes back to its queue keeps its place."""

    def _room(self, units: Sequence[Unit]) -> Room:
        for queue, held in self._tables.held.items():
            self._ever.setdefault(queue, set()).update(held)
        return Room({queue: len(held) for queue, held in self._ever.items()}, self._paces)

    def __init__(self, *, shared: bool = False) -> None:
        super().__init__(shared=shared)
        self._ever: dict[str, set[tuple[str, str]]] = {}
