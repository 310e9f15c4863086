"""The ledger in one SQLite file: what a service remembers, and the log that others read."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from typing import ClassVar

from pavane.adapters.ledger_rows import aside_of, record_of, todo_of
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import Flushing
from pavane.adapters.sqlite.counters import SqliteLedgerCounters
from pavane.adapters.sqlite.ledger_writer import LedgerWriter
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.adapters.sqlite.results import SqliteResults
from pavane.errors import StoreError
from pavane.ports.ledger import ALL, Aside, AsideKind, Entry, Loaded, Record, RowKey, Todo
from pavane.ports.results import Results

_PIECE = 1000  # rows that are pruned at a time, so that messages need not wait for all


class SqliteLedger(SqliteResults):
    """Keeps the rows in the file `path`, or in memory when it is ":memory:".

    Statements run on the event loop, COMMIT in a helper thread; `commit_thread=False` commits on
    the loop too. `flushing` weaker than FULL is for what may be lost with the machine's power.
    Offsets are written with the next commit, at `close` at the latest. A process that gave no
    sign of life for `lease_s` seconds may be put out by another that opens the ledger again and
    again (`Leased`); 0: never.
    """

    option: ClassVar[str] = "--ledger"

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        commit_thread: bool = True,
        flushing: Flushing = "FULL",
        lease_s: float = 0.0,
    ) -> None:
        self.counters = SqliteLedgerCounters()
        super().__init__(
            path, self.counters, threaded=commit_thread, flushing=flushing, lease_s=lease_s
        )
        self._offsets: dict[str, int] = {}
        self._moved: dict[str, int] = {}  # offsets that are not written yet
        self._appended: set[str] | None = None
        self._writer: LedgerWriter

    def _schema(self) -> list[Migration]:
        return migrations("ledger")

    @property
    def results(self) -> Results:
        """What it remembers of tasks, in the same file."""
        return self

    def _begin(self) -> None:
        super()._begin()
        self._writer = LedgerWriter(self._connection, self.counters)
        self._offsets = {row[0]: row[1] for row in self._cursor.execute(q.OFFSETS)}
        self._moved = {}
        self._appended = None

    async def close(self) -> None:
        """Write the offsets, move the log into the database, let go of the file."""
        if self._serving and self._moved and await self._returned():
            with contextlib.suppress(StoreError):  # they may be lost, and the rest must go on
                await self.flush()
        await super().close()

    def crash(self) -> SqliteLedger:
        """The ledger that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there and nothing else; no tidying is done. For tests.
        """
        new = type(self)(
            self.path,
            commit_thread=self._threaded,
            flushing=self._flushing,
            lease_s=self.lease_s,
        )
        self._die(new)
        return new

    # --- executions -----------------------------------------------------------------------------

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        """The rows of each execution, by at most one statement per kind."""
        await self._free()
        self.counters.loads += 1
        loaded = {execution: Loaded() for execution in wanted}
        keys: list[tuple[str, str, str]] = []
        groups: list[tuple[str, str]] = []
        for execution, of_it in wanted.items():
            for group, name in of_it:
                if name == ALL:
                    groups.append((execution, group))
                else:
                    keys.append((execution, group, name))
        if not wanted:
            return loaded
        with self._reading():
            for id, revision in self._many(q.LOAD_REVISION, [(each,) for each in wanted]):
                loaded[id].revision = revision
            rows = self._many(q.LOAD_ROW, keys) + self._many(q.LOAD_GROUP, groups)
            for execution, group, name, body in rows:
                loaded[execution].rows[RowKey(group, name)] = body
        return loaded

    async def seen(self, messages: Collection[str]) -> set[str]:
        """Those of the ids that are in the inbox."""
        await self._free()
        self.counters.lookups += 1
        with self._errors():
            return {row[0] for row in self._many(q.SEEN, [(each,) for each in messages])}

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        """Write the entries in one transaction; returns the indexes of those that lost."""
        await self._free()
        if not entries:
            return set()
        lost: set[int] = set()
        winners = entries
        with self._transaction():
            if not self._writer.write(entries):
                # Rare, so the common case pays nothing for it: begin again, entry by entry.
                self._restart_transaction()
                lost = self._writer.judge(entries)
                winners = [entry for index, entry in enumerate(entries) if index not in lost]
                if winners and not self._writer.write(winners):
                    raise self.refused()
            moved = self._write_offsets()
        await self._end_writing(moved)
        self.counters.lost += len(lost)
        for entry in winners:
            self.counters.wrote(entry)
            if self._appended is not None:
                self._appended.update(record.topic for record in entry.records)
        return lost

    def _write_offsets(self) -> dict[str, int]:
        moved = dict(self._moved)
        self._many(q.PUT_OFFSET, list(moved.items()))
        return moved

    async def _end_writing(self, moved: Mapping[str, int]) -> None:
        await self._end_transaction()
        for name, position in moved.items():
            if self._moved.get(name) == position:
                del self._moved[name]

    # --- the log --------------------------------------------------------------------------------

    async def log_after(self, position: int, limit: int) -> list[Record]:
        """The log behind a position, oldest first."""
        return [record_of(row) for row in await self._read(q.LOG_AFTER, position, limit)]

    async def log_id(self) -> str:
        """What tells this log from any other."""
        return (await self._read(q.LOG_ID))[0][0]

    def appended(self) -> set[str] | None:
        """Topics of which records were committed since this was asked for; None at first.

        What a process committed that has died is not known any more: it may be of any topic.
        """
        found, self._appended = self._appended, set()
        return found

    async def prune_log(self, position: int, before: int) -> int:
        """Forget records up to a position that were written before a time (ms); how many went.

        The caller knows who reads the log, and that all of them are behind the position.
        """
        gone = 0
        while piece := await self._prune_piece(q.PRUNE_LOG, position, before, _PIECE):
            gone += piece
        return gone

    async def offset(self, name: str) -> int:
        """A position that somebody keeps here."""
        self._check_open()
        return self._offsets.get(name, 0)

    async def keep_offset(self, name: str, position: int) -> None:
        """Remember a position; it becomes durable with the next commit."""
        self._check_open()
        self._offsets[name] = self._moved[name] = position

    async def flush(self) -> None:
        """Write the offsets now, where nothing else may come for long."""
        await self._free()
        with self._transaction():
            moved = self._write_offsets()
        await self._end_writing(moved)

    def unwritten(self) -> dict[str, int]:
        """Offsets that wait for the next commit."""
        return dict(self._moved) if self._serving else {}

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
        return [(at, id) for at, id in await self._read(q.CLOSED, before, *after, limit)]

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        """Forget inbox ids and closed executions from before these times."""
        gone = 0
        while piece := await self._prune_piece(q.PRUNE_INBOX, inbox_before, _PIECE):
            gone += piece
        while piece := await self._prune_executions(closed_before):
            gone += piece
        return gone + await self.prune_results(inbox_before)

    async def _prune_piece(self, sql: str, *values: object) -> int:
        await self._free()
        before = self._connection.total_changes()
        with self._transaction():
            self._many(sql, [values])
            gone = self._connection.total_changes() - before
            moved = self._write_offsets()
        await self._end_writing(moved)
        return gone

    async def _prune_executions(self, closed_before: int) -> int:
        await self._free()
        with self._transaction():  # nobody may write between looking and dropping
            found = self._many(q.CLOSED, [(closed_before, -1, "", _PIECE)])
            over = [(id,) for _, id in found]
            for sql in (q.DROP_EXECUTION, q.DROP_ROWS, q.DROP_TODOS):
                self._many(sql, over)
        await self._end_transaction()
        return len(over)
