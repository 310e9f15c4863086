"""Keepers of the past that break one promise each, and are right otherwise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from msgspec.structs import replace

from pavane.adapters.memory.past import MemoryPast
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite import past as sqlite_past
from pavane.adapters.sqlite.past import SqlitePast
from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.status import ENDED

_LATE = 1 << 61


@dataclass
class With:
    """A store with a past of this kind."""

    kind: type[MemoryPast] | type[SqlitePast]

    def build(self) -> MemoryStore | SqliteStore:
        if issubclass(self.kind, SqlitePast):
            file = SqliteStore(":memory:", commit_thread=False)
            file.past = self.kind(file._read, file._transact)
            return file
        store = MemoryStore()
        store.past = self.kind(store._rows)
        return store


class Orphaning(MemoryPast):
    """1, whole: lets the steps of what it forgets stay."""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        gone = await _those_over(self, ids, before)
        self._tables().forget(gone)
        return gone


class Impatient(MemoryPast):
    """2, over: does not mind when it ended, if it has."""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        return await super().forget(ids, _LATE)


class Partial(MemoryPast):
    """2, over: takes a step of another for one that stands alone."""

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        executions = self._tables().executions
        found = [
            id
            for id, rows in sorted(executions.items())
            if id > after and rows.header.status in ENDED and rows.header.ended_at < before
        ]
        return found[:limit], found[limit - 1] if len(found) >= limit else ""


class Trusting(MemoryPast):
    """3, fenced: forgets what was over when it looked."""

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        found, end = await super().over(before, after, limit)
        self.seen = getattr(self, "seen", set()) | set(found)
        return found, end

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        gone = set(ids) & getattr(self, "seen", set())
        self._tables().forget(gone)
        return gone | await super().forget(set(ids) - gone, before)


class Possessive(MemoryPast):
    """4, free: the start key of what is forgotten stays taken."""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        keys = self._tables().keys.copy()
        gone = await super().forget(ids, before)
        self._tables().keys |= keys
        return gone


class Sweeping(MemoryPast):
    """5, apart: lets all go that is over, whoever was asked for."""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        everything = list(self._tables().executions)
        return await super().forget(everything, before) & set(ids)


class Hoarding(SqlitePast):
    """6, swept: only says that it has swept."""

    async def sweep(self, limit: int) -> int:
        await self._transact(lambda run: run("DELETE FROM forgotten", [()]))
        return 0


class Repeating(SqlitePast):
    """6, swept: the last entry of the log goes like all others, and its position comes again."""

    async def sweep(self, limit: int) -> int:
        gone = await self._read(sqlite_past.FORGOTTEN, limit)
        await self._transact(lambda run: run("DELETE FROM log WHERE execution_id = ?", gone))
        return await super().sweep(limit)


class Discouraged(MemoryPast):
    """7, found: goes no further where nothing may go."""

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        found, end = await super().over(before, after, limit)
        return found, end if found else ""


async def _those_over(past: MemoryPast, ids: Collection[str], before: int) -> set[str]:
    over, _ = await past.over(before, "", 1 << 30)
    return set(ids) & set(over)


def unfenced(store: MemoryStore) -> None:
    """3, fenced: a change to what was forgotten begins it anew."""
    wins = store._wins

    def wins_for_the_dead(unit):
        known = store._tables.executions
        for change in unit.changes:
            if change.header.id not in known:
                change.header = replace(change.header, revision=1)
        return wins(unit)

    store._wins = wins_for_the_dead
