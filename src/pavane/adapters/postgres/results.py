"""The results of tasks in a ledger's schema, committed with what the tasks wrote in that database.

Each function has a connection of its own. Those that name the same step wait for each other in the
server, whatever process they are in: so several processes may share the results of one service.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from pavane.adapters.ledger_rows import result_values
from pavane.adapters.postgres import results_queries as q
from pavane.adapters.postgres.connection import STATEMENT_S, Connection
from pavane.adapters.postgres.counters import PostgresLedgerCounters
from pavane.adapters.postgres.lent.kinds import Lenders
from pavane.adapters.postgres.lent.terms import Lender, Lent, Terms, lends
from pavane.adapters.postgres.place import Place
from pavane.adapters.postgres.pool import PATIENCE_S, Pauses, Pool
from pavane.adapters.postgres.refusals import PUT_OUT, is_gone_in, of_end, of_use, state_in
from pavane.adapters.postgres.shielded import Shielded
from pavane.adapters.postgres.tables import ensure_free
from pavane.adapters.to_the_end import to_the_end
from pavane.errors import DefinitionError, PavaneError, StoreError, UsageError
from pavane.ports.results import APSW, Result, Transaction

_WAIT_MS: Final = 5000  # for somebody who is at work on the same step
_RECORDING: Final = 2  # connections
_PIECE: Final = 1000  # results that are pruned at a time
_FORMER: Final = 20  # holders before this one whose sessions are looked for
_ASYNCPG: Final = "asyncpg.Connection"
_SCHEMA_KEY: Final = "\1schema"  # who makes tables has it: two at once would trip over each other


class PostgresResults:
    """Keeps the promises of `ports.results`, between `open` and `close`.

    `lost` gives the error of a process that does not serve the ledger any more.
    """

    def __init__(
        self, place: Place, counters: PostgresLedgerCounters, lost: Callable[[], StoreError]
    ) -> None:
        self.place = place
        self.counters = counters
        self._lost = lost
        self._generation = 0
        self._pool: Pool | None = None
        self._lenders = Lenders()
        self._shielded = Shielded()

    async def open(self, generation: int) -> None:
        """Begin, for the process with this generation, or (0) as one of several.

        Sessions that former holders of the ledger have lent are ended. Errors are the driver's.
        """
        pool = Pool(self.place, _RECORDING)
        try:
            async with pool.lent() as connection:
                path = await connection.fetchval(q.PATH)
                former = range(max(1, generation - _FORMER), generation)
                if names := [lends(self.place.schema, each) for each in former]:
                    await connection.fetch(q.END_LENT, names)
        except BaseException:
            pool.abandon()
            raise
        self._generation, self._pool = generation, pool
        self._lenders.begin(Terms(self.place, path or "", generation))

    async def close(self) -> None:
        """Wait for commits under way; what is still lent is let go of, and undone."""
        await self._shielded.idle()
        await self._lenders.close()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def abandon(self) -> None:
        """Let go of all at once, as a process that dies. For tests."""
        self._lenders.abandon()
        if self._pool is not None:
            self._pool.abandon()
            self._pool = None

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return [*(self._pool.pids() if self._pool else []), *self._lenders.pids()]

    def ensure_lends(self, asked: Collection[str]) -> None:
        """UsageError, NotInstalledError where it has no such connections."""
        for each in asked:
            self._lenders.ensure_known(each, self.place)

    # --- what stands for itself -----------------------------------------------------------------

    async def find(self, keys: Collection[str]) -> dict[str, Result]:
        """What is recorded under these keys."""
        return _results(keys, await self._ask(q.FIND, list(keys)))

    async def record(self, results: Sequence[Result]) -> None:
        """Write them in one transaction."""
        if results:
            await self._record(results)

    async def _record(self, results: Sequence[Result]) -> None:
        await self._ask(q.RECORD, self._generation, *_columns(results), _WAIT_MS)
        self.counters.commits += 1

    async def _ask(self, sql: str, *values: object) -> list[Any]:
        """What may be done twice: what was recorded first stays."""
        if self._pool is None:
            raise self._not_open()
        self.counters.statements += 1
        self.counters.round_trips += 1

        async def fetch(connection: Connection) -> list[Any]:
            try:
                return await connection.fetch(sql, *values)
            except Exception as error:
                if is_gone_in(error):
                    raise
                raise self._words(error) from error

        return await self._shielded.run(self._pool.run(fetch))

    def _words(self, error: BaseException, *, at_end: bool = False) -> PavaneError:
        if state_in(error) == PUT_OUT:
            return self._lost()
        return of_end(error, self.place) if at_end else of_use(error, self.place)

    def _not_open(self) -> StoreError:
        return StoreError(f"The PostgreSQL ledger {self.place} is not open.", "Call open() first.")

    # --- transactions ---------------------------------------------------------------------------

    @asynccontextmanager
    async def transaction(
        self, keys: Collection[str] = (), *, read_only: bool = False, asked: str = APSW
    ) -> AsyncGenerator[Transaction]:
        """Begin, when all that came before and named one of these keys are over."""
        self._lenders.ensure_known(asked, self.place)
        if self._pool is None:
            raise self._not_open()
        transaction = await self._begin(self._lenders.of(asked), keys, read_only)
        try:
            yield transaction
        finally:
            if transaction.left_to is not None:
                ended = asyncio.ensure_future(transaction.left_to)
                ended.add_done_callback(lambda _: transaction.lent.drop())
            elif not transaction.is_over:
                await self._shielded.run(self._roll_back(transaction.lent))

    async def _begin(self, lender: Lender, keys: Collection[str], read_only: bool) -> _Transaction:
        pauses = Pauses(PATIENCE_S)
        while True:
            try:
                lent = await lender.lend(read_only=read_only)
                try:
                    return await self._begun(lent, keys, read_only)
                except BaseException:
                    lent.drop()
                    raise
            except PavaneError:
                raise
            except Exception as error:  # tried again, or in our words
                if not is_gone_in(error) or not await pauses.wait():
                    raise self._words(error) from error

    async def _begun(self, lent: Lent, keys: Collection[str], read_only: bool) -> _Transaction:
        if read_only:
            return _Transaction(self, lent, "", {}, 0)
        turn = secrets.token_hex(8)
        self.counters.statements += 1
        self.counters.round_trips += 1
        async with asyncio.timeout(STATEMENT_S):
            sql = q.BEGIN.format(schema=self.place.schema)
            *rows, (_, _, since) = await lent.call(sql, list(keys), turn, _WAIT_MS)
        return _Transaction(self, lent, turn, _results(keys, rows), since)

    async def end(self, lent: Lent, turn: str, results: Sequence[Result]) -> None:
        """Commit what the function did, and these results. UsageError, StoreError."""
        if self._pool is None:
            raise self._not_open()
        self.counters.statements += 1
        self.counters.round_trips += 1
        try:
            async with asyncio.timeout(STATEMENT_S):
                if turn:
                    sql = q.END.format(schema=self.place.schema)
                    await lent.call(sql, turn, self._generation, *_columns(results))
                await lent.commit()
        except BaseException as error:
            lent.drop()
            if not isinstance(error, Exception):
                raise
            raise self._words(error, at_end=True) from error
        self.counters.commits += 1

    async def _roll_back(self, lent: Lent) -> None:
        try:
            async with asyncio.timeout(STATEMENT_S):
                await lent.roll_back()
        except Exception:  # noqa: BLE001  # whatever it is: the server undoes what is let go of
            lent.drop()

    # --- the service's tables -------------------------------------------------------------------

    async def create(self, schema: str) -> None:
        """Run the statements that make the service's own tables, in one transaction."""
        ensure_free(schema, self.place)
        try:
            async with self.transaction([_SCHEMA_KEY], asked=_ASYNCPG) as transaction:
                try:
                    await transaction.connection.execute(schema)
                except Exception as error:
                    if is_gone_in(error):
                        raise of_use(error, self.place) from error
                    raise DefinitionError(
                        f"The schema does not fit the ledger {self.place}: {error}.",
                        "It is run at each start: write CREATE TABLE IF NOT EXISTS.",
                    ) from error
                await transaction.commit([])
        except UsageError as error:
            raise DefinitionError(
                f"The schema does not fit the ledger {self.place}: {error.message}", error.remedy
            ) from error

    # --- pruning --------------------------------------------------------------------------------

    async def prune_results(self, before: int) -> int:
        """Forget results from before a time (ms); how many went."""
        if not await self._ask(q.OLD, before):
            return 0
        # First, so that nobody ever takes what is gone for what never was.
        await self._ask(q.PUT_KNOWN_SINCE, str(before))
        gone = 0
        while piece := len(await self._ask(q.PRUNE, before, _PIECE)):
            gone += piece
        return gone


class _Transaction:
    def __init__(
        self,
        results: PostgresResults,
        lent: Lent,
        turn: str,
        found: Mapping[str, Result],
        since: int,
    ) -> None:
        self._results = results
        self._turn = turn
        self.lent = lent
        self.found = found
        self.known_since = since
        self.is_over = False
        self.left_to: Awaitable[object] | None = None

    @property
    def connection(self) -> Any:
        return self.lent.connection

    async def flush(self) -> None:
        await self.lent.flush()

    async def commit(self, results: Sequence[Result]) -> None:
        self.is_over = True
        await to_the_end(self._results.end(self.lent, self._turn, results))

    def leave_behind(self, ended: Awaitable[object]) -> None:
        self.left_to = ended


def _results(keys: Collection[str], rows: Sequence[Sequence[Any]]) -> dict[str, Result]:
    """In the order of the keys."""
    found = {row[0]: Result(row[0], row[1], row[2]) for row in rows}
    return {key: found[key] for key in keys if key in found}


def _columns(results: Sequence[Result]) -> tuple[list[Any], ...]:
    """Keys, outputs and times: of one key the first, or the first that has an output."""
    kept: dict[str, Result] = {}
    for each in results:
        known = kept.setdefault(each.key, each)
        if known.output is None and each.output is not None:
            kept[each.key] = each
    rows = [result_values(each) for each in kept.values()]
    return tuple([row[n] for row in rows] for n in range(3))
