"""Recorded results that break one promise each, and are right otherwise."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import apsw

from pavane.adapters.memory.results import Check, MemoryResults
from pavane.adapters.sqlite.lending import Loan
from pavane.errors import StoreFullError
from pavane.ports.results import APSW, Result, Transaction


class Torn(MemoryResults):
    """1, atomic: commits what was written before the results."""

    async def end_loan(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._guard.disarm()
        self._connection.execute("COMMIT")
        await asyncio.sleep(0)
        self._connection.execute("BEGIN IMMEDIATE")
        await super().end_loan(sql, rows)


class Abandons(MemoryResults):
    """1, atomic: forgets whoever still uses the connection."""

    @asynccontextmanager
    async def lend(self, *, read_only: bool = False) -> AsyncGenerator[Loan]:
        async with super().lend(read_only=read_only) as loan:
            yield loan
            loan.left_to = None


class LastFirst(MemoryResults):
    """2, alone: lets whoever came last begin first, though it says one by one."""

    @asynccontextmanager
    async def lend(self, *, read_only: bool = False) -> AsyncGenerator[Loan]:
        waiting = self._turns._waiters
        if waiting and len(waiting) > 1:
            waiting.rotate(1)
        async with super().lend(read_only=read_only) as loan:
            yield loan


class Impatient(MemoryResults):
    """2, alone: records in the middle of somebody else's transaction."""

    async def record(self, results: Sequence[Result]) -> None:
        if self._lent is None:
            await super().record(results)
        else:
            self._guard.armed = False
            rows = [(each.key, each.output, each.at) for each in results]
            sql = "INSERT INTO pavane_result(key, output, at) VALUES (?, ?, ?)"
            self._connection.cursor().executemany(sql, rows)
            self._guard.armed = True


class ForgetsRecords(MemoryResults):
    """3, durable: what is recorded without a transaction goes with the process."""

    def __init__(self, check_open: Check, check_room: Check) -> None:
        super().__init__(check_open, check_room)
        self.kept: dict[str, Result] = {}

    async def record(self, results: Sequence[Result]) -> None:
        self.kept |= {each.key: each for each in results}

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        own = {key: self.kept[key] for key in keys if key in self.kept}
        return await super().find(keys) | own


class LastWins(MemoryResults):
    """4, first: whoever comes later is right."""

    async def record(self, results: Sequence[Result]) -> None:
        if results:
            await self._free()
            keys = [(each.key,) for each in results]
            self._connection.cursor().executemany("DELETE FROM pavane_result WHERE key = ?", keys)
        await super().record(results)


class BeginningsStay(MemoryResults):
    """4, first: takes a beginning for an end."""

    async def record(self, results: Sequence[Result]) -> None:
        known = await self.find([each.key for each in results])
        await super().record([each for each in results if each.key not in known])


class Padded(MemoryResults):
    """5, visible: gives None for what is not there."""

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        found = await super().find(keys)
        return {key: found.get(key, Result(key, None, 0)) for key in keys}


class Unguarded(MemoryResults):
    """6, guarded: lets the function do with the connection what it likes."""

    def _begin_loan(self, read_only: bool) -> None:
        super()._begin_loan(read_only)
        self._guard.disarm()
        self._guard.armed = False

    async def end_loan(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        await super().end_loan(sql, rows)


class ReadsAndWrites(MemoryResults):
    """6, guarded: commits what a transaction for reading only has written."""

    @asynccontextmanager
    async def transaction(
        self, keys: Collection[str] = (), *, read_only: bool = False, asked: str = APSW
    ) -> AsyncGenerator[Transaction]:
        async with super().transaction(keys, asked=asked) as transaction:
            yield transaction
            if read_only:
                await transaction.commit([])


class PiecemealSchema(MemoryResults):
    """7, kept: makes the tables that it can make."""

    async def create(self, schema: str) -> None:
        for statement in schema.split(";"):
            await super().create(statement)


class PrunesOne(MemoryResults):
    """8, pruned: takes the time itself for before."""

    async def prune_results(self, before: int) -> int:
        return await super().prune_results(before + 1)


class SaysNothing(MemoryResults):
    """8, pruned: does not say that something was forgotten."""

    async def prune_results(self, before: int) -> int:
        gone = await super().prune_results(before)
        self._connection.execute("DELETE FROM meta WHERE name = 'results'")
        return gone


class FullForGood(MemoryResults):
    """9, full: does not recover when there is room again."""

    broken = False

    async def _end_transaction(self) -> None:
        try:
            await super()._end_transaction()
        except StoreFullError:
            type(self).broken = True
            raise

    async def _free(self) -> None:
        await super()._free()
        if type(self).broken:
            raise apsw.FullError("There was no room once.")
