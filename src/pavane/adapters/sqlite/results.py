"""The results of tasks in a ledger's file, committed with what the tasks wrote there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import apsw

from pavane.adapters.ledger_rows import result_values
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.lending import LendingFile, Loan
from pavane.errors import DefinitionError, UsageError
from pavane.ports.results import APSW, Result, Transaction

_PIECE: Final = 1000  # results that are pruned at a time, so that others need not wait for all


class SqliteResults(LendingFile):
    """Keeps the promises of `ports.results`, for a ledger that is one of these."""

    def ensure_lends(self, asked: Collection[str]) -> None:
        """UsageError for whatever is no connection of apsw's."""
        for each in asked:
            if each != APSW:
                raise UsageError(
                    f"A function asks for {each}, and the ledger {self.path} is in SQLite.",
                    f"Ask for {APSW} there, or use --ledger postgresql://USER@HOST:PORT/DATABASE.",
                )

    async def create(self, schema: str) -> None:
        """Run the statements that make the service's own tables, in one transaction."""
        async with self.lend() as loan:
            try:
                loan.connection.execute(schema)
            except UsageError as error:
                raise DefinitionError(
                    f"The schema does not fit the ledger {self.path}: {error.message}",
                    error.remedy,
                ) from error
            except (apsw.FullError, apsw.IOError) as error:
                raise self.ours(error) from error
            except apsw.Error as error:
                raise DefinitionError(
                    f"The schema does not fit the ledger {self.path}: {error}.",
                    "It is run at each start: write CREATE TABLE IF NOT EXISTS.",
                ) from error
            await loan.commit()

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        """What is recorded under these keys."""
        await self._free()
        with self._errors():
            return _results(self._many(q.FIND_RESULT, [(key,) for key in keys]))

    async def record(self, results: Sequence[Result]) -> None:
        """Write them in one transaction."""
        if not results:
            return
        async with self._turns:  # behind those that are waiting for the connection
            await self._free()
            with self._transaction():
                self._many(q.PUT_RESULT, [result_values(each) for each in results])
            await self._end_transaction()

    @asynccontextmanager
    async def transaction(
        self, keys: Collection[str] = (), *, read_only: bool = False, asked: str = APSW
    ) -> AsyncGenerator[Transaction]:
        """Begin, when all that came before are over."""
        self.ensure_lends([asked])
        async with self.lend(read_only=read_only) as loan:
            yield _Transaction(loan, keys)

    async def prune_results(self, before: int) -> int:
        """Forget results from before a time (ms); how many went."""
        if not await self._read(q.OLD_RESULT, before):
            return 0
        # First, so that nobody ever takes what is gone for what never was.
        await self._prune_by(q.PUT_KNOWN_SINCE, str(before))
        gone = 0
        while piece := await self._prune_by(q.PRUNE_RESULTS, before, _PIECE):
            gone += piece
        return gone

    async def _prune_by(self, sql: str, *values: object) -> int:
        async with self._turns:
            await self._free()
            before = self._connection.total_changes()
            with self._transaction():
                self._many(sql, [values])
                gone = self._connection.total_changes() - before
            await self._end_transaction()
        return gone


class _Transaction:
    def __init__(self, loan: Loan, keys: Collection[str]) -> None:
        self._loan = loan
        found = loan.connection.cursor().executemany(q.FIND_RESULT, [(key,) for key in keys])
        self.found = _results(found.fetchall())
        row = loan.connection.execute(q.KNOWN_SINCE).fetchone()
        self.known_since = int(row[0]) if row else 0

    @property
    def connection(self) -> Any:
        return self._loan.connection

    async def flush(self) -> None:
        """Nothing is kept back."""

    async def commit(self, results: Sequence[Result]) -> None:
        await self._loan.commit(q.PUT_RESULT, [result_values(each) for each in results])

    def leave_behind(self, ended: Awaitable[object]) -> None:
        self._loan.leave_behind(ended)


def _results(rows: Sequence[tuple[Any, ...]]) -> dict[str, Result]:
    return {row[0]: Result(*row) for row in rows}
