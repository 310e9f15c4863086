"""The ledger in PostgreSQL: a schema for each service, served by one process at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from pavane.adapters.ledger_rows import aside_of, record_of, todo_of
from pavane.adapters.postgres import ledger_queries as q
from pavane.adapters.postgres.connection import Connection, translate
from pavane.adapters.postgres.counters import PostgresLedgerCounters
from pavane.adapters.postgres.ledger_writer import LedgerWriter
from pavane.adapters.postgres.migrate import bring_up_to_date, migrations
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.pool import Pool
from pavane.adapters.postgres.results import PostgresResults
from pavane.adapters.postgres.shielded import Shielded
from pavane.errors import PavaneError, StoreError
from pavane.ports.ledger import ALL, Aside, AsideKind, Entry, Loaded, Record, RowKey, Todo
from pavane.ports.results import Results

_LOG = logging.getLogger("pavane.ledger")

SCHEMA: Final = "pavane_ledger"
"""Where the tables are, unless the URL or the service's name says otherwise."""

_READERS_MOST: Final = 3
_BEATS: Final = 3  # signs of life in the time of a lease
_LAST_BEAT_S: Final = 2.0
_PIECE: Final = 1000  # rows that are pruned at a time, so that messages need not wait for all


class PostgresLedger:
    """Keeps the rows in the schema that the URL names.

    Offsets are written with the next commit, at `close` at the latest. A process that gave no sign
    of life for `lease_s` seconds may be put out by another that opens the ledger again and again
    (`Leased`); 0: only one whose session has ended.
    """

    option: ClassVar[str] = "--ledger"

    def __init__(self, url: str, *, schema: str = SCHEMA, lease_s: float = 0.0) -> None:
        self.url = url
        self.place = place_of(url, schema)
        self.lease_s = lease_s
        self.counters = PostgresLedgerCounters()
        self._results = PostgresResults(self.place, self.counters, self._lost_it)
        self._serving = False
        self._is_lost, self._ending = asyncio.Event(), asyncio.Event()
        self._offsets: dict[str, int] = {}
        self._moved: dict[str, int] = {}  # offsets that are not written yet
        self._shielded = Shielded()
        self._beats: asyncio.Task[None] | None = None
        self._readers: Pool
        self._writer: LedgerWriter

    # --- opening and closing --------------------------------------------------------------------

    async def open(self) -> None:
        """Bring the schema up to date, become the process that serves it, begin."""
        self._is_lost, self._ending = asyncio.Event(), asyncio.Event()
        self._moved = {}
        self._readers = Pool(self.place, _READERS_MOST)
        writing = (self.place, self.counters, self.lease_s, self._moved, self._is_lost.set)
        self._writer = LedgerWriter(*writing)
        try:
            async with self._readers.lent() as connection:
                known = migrations("ledger")
                await bring_up_to_date(connection, self.place, known, self.option)
            await self._writer.open()
            await self._results.open(self._writer.generation)
            async with self._readers.lent() as connection:
                self._offsets = {row[0]: row[1] for row in await connection.fetch(q.OFFSETS)}
        except BaseException as error:
            await self._results.close()
            await self._writer.close()
            await self._readers.close()
            if isinstance(error, PavaneError) or not isinstance(error, Exception):
                raise
            raise translate(error, self.place, self.option) from error
        self._serving = True
        self._beats = None
        if self.lease_s:
            self._beats = asyncio.get_running_loop().create_task(self._beat_for_ever())

    async def close(self) -> None:
        """Write the offsets, wait for the commit under way, let go of the ledger."""
        if not self._serving:
            return
        if self._moved and not self.is_lost:
            with suppress(StoreError):  # they may be lost, and the rest must go on
                await self._writer.write([])
        self._serving = False
        self._ending.set()
        if self._beats is not None:  # a connection that is cancelled while it is made makes noise
            await asyncio.wait([self._beats], timeout=_LAST_BEAT_S)
            self._beats.cancel()
        await self._shielded.idle()
        await self._results.close()
        await self._writer.close()
        await self._readers.close()

    def crash(self) -> PostgresLedger:
        """The ledger that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there and nothing else; no tidying is done. For tests.
        """
        self._serving = False
        self._ending.set()
        self._results.abandon()
        self._writer.abandon()
        self._readers.abandon()
        return PostgresLedger(self.url, schema=self.place.schema, lease_s=self.lease_s)

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return [*self._writer.pids(), *self._readers.pids(), *self._results.pids()]

    @property
    def results(self) -> Results:
        """What it remembers of tasks."""
        return self._results

    # --- the lease ------------------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether another process is known to have taken it over since it was opened."""
        return self._is_lost.is_set()

    async def lost(self) -> None:
        """Wait until another process has taken it over."""
        await self._is_lost.wait()

    async def _beat_for_ever(self) -> None:
        while not self.is_lost and not self._ending.is_set():
            try:
                await self._beat()
            except StoreError as error:  # the server is away: that is no sign of death of ours
                if self._serving:
                    _LOG.warning("%s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.lease_s / _BEATS):
                    await self._ending.wait()

    async def _beat(self) -> None:
        """A sign of life, from the event loop: what that cannot do, nobody does."""

        async def beat(connection: Connection) -> list[Any]:
            return await connection.fetch(q.BEAT, self._writer.generation)

        if not await self._readers.run(beat):
            self._is_lost.set()

    def _lost_it(self) -> StoreError:
        return self._writer.lost()

    def _check_open(self) -> None:
        if not self._serving:
            raise StoreError(
                f"The PostgreSQL ledger {self.place} is not open.", "Call open() first."
            )
        if self.is_lost:
            raise self._writer.lost()

    # --- executions -----------------------------------------------------------------------------

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        """The rows of each execution, in one round trip."""
        loaded = {execution: Loaded() for execution in wanted}
        rows: tuple[list[str], list[str], list[str]] = ([], [], [])
        groups: tuple[list[str], list[str]] = ([], [])
        for execution, keys in wanted.items():
            for group, name in keys:
                columns = groups if name == ALL else rows
                for column, value in zip(columns, (execution, group, name), strict=False):
                    column.append(value)
        self.counters.loads += 1
        for kind, found in await self._read(q.LOAD, list(wanted), *rows, *groups):
            if kind == 0:
                loaded[found[0]].revision = found[1]
            else:
                execution, group, name, body = found
                loaded[execution].rows[RowKey(group, name)] = body
        return loaded

    async def seen(self, messages: Collection[str]) -> set[str]:
        """Those of the ids that are in the inbox."""
        self.counters.lookups += 1
        return {row[0] for row in await self._read(q.SEEN, list(messages))}

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        """Write the entries in one transaction; returns the indexes of those that lost."""
        self._check_open()
        if not entries:
            return set()
        lost = await self._shielded.run(self._commit(entries))
        self.counters.lost += len(lost)
        for index, entry in enumerate(entries):
            if index not in lost:
                self.counters.wrote(entry)
        return lost

    async def _commit(self, entries: Sequence[Entry]) -> set[int]:
        moved = dict(self._moved)
        lost = await self._writer.write(entries)
        if len(lost) < len(entries) or not entries:
            for name, position in moved.items():
                if self._moved.get(name) == position:
                    del self._moved[name]
        return lost

    # --- the log --------------------------------------------------------------------------------

    async def log_after(self, position: int, limit: int) -> list[Record]:
        """The log behind a position, oldest first."""
        return [record_of(row) for row in await self._read(q.LOG_AFTER, position, limit)]

    async def offset(self, name: str) -> int:
        """A position that somebody keeps here."""
        self._check_open()
        return self._offsets.get(name, 0)

    async def keep_offset(self, name: str, position: int) -> None:
        """Remember a position; it becomes durable with the next commit."""
        self._check_open()
        self._offsets[name] = self._moved[name] = position

    # --- what is waited for ---------------------------------------------------------------------

    async def due(self, now: int, limit: int) -> list[Todo]:
        """Timers at or before now."""
        return [todo_of(row) for row in await self._read(q.DUE, now, limit)]

    async def next_due(self) -> int:
        """The earliest timer of all, 0 when there is none."""
        return (await self._read(q.NEXT_DUE))[0][0] or 0

    async def work(self, after: tuple[str, str], limit: int) -> list[Todo]:
        """Todos that have a queue, by (execution, name), behind the given one."""
        return [todo_of(row) for row in await self._read(q.WORK, *after, limit)]

    async def aside(self, kind: AsideKind | None = None, limit: int = 100) -> list[Aside]:
        """What was set aside and not taken back, oldest first."""
        if kind is None:
            rows = await self._read(q.ASIDE, limit)
        else:
            rows = await self._read(q.ASIDE_OF_KIND, kind, limit)
        return [aside_of(row) for row in rows]

    # --- pruning --------------------------------------------------------------------------------

    async def closed(
        self, before: int, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """The executions that `prune` would forget, behind the given one."""
        return [(row[0], row[1]) for row in await self._read(q.CLOSED, before, *after, limit)]

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        """Forget inbox ids and closed executions from before these times."""
        self._check_open()
        if self._moved:
            await self._shielded.run(self._commit([]))
        gone = await self._prune(q.PRUNE_INBOX, inbox_before, _PIECE)
        gone += await self._results.prune_results(inbox_before)
        return gone + await self._prune(q.PRUNE_EXECUTIONS, closed_before, -1, "", _PIECE)

    async def prune_log(self, position: int, before: int) -> int:
        """Forget records up to a position that were written before a time; how many went."""
        return await self._prune(q.PRUNE_LOG, position, before, _PIECE)

    async def _prune(self, sql: str, *values: object) -> int:
        gone = 0
        while True:
            async with self._writer.alone():  # nobody may write between looking and dropping
                piece = len(await self._read(sql, *values, self._writer.generation))
            if not piece:
                return gone
            gone += piece

    async def _read(self, sql: str, /, *values: object) -> list[Any]:
        """One statement, again on another connection where that one was lost."""
        self._check_open()
        self.counters.statements += 1
        self.counters.round_trips += 1

        async def fetch(connection: Connection) -> list[Any]:
            return await connection.fetch(sql, *values)

        return await self._readers.run(fetch)
