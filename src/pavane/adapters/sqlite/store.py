"""The store in one SQLite file: rows in tables, many units per transaction, one writer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from typing import Any, TypeVar

from pavane.adapters.sqlite import queries as q
from pavane.adapters.sqlite.connection import Connection, connect, tune_reader
from pavane.adapters.sqlite.counters import Counters
from pavane.adapters.sqlite.file import SqliteFile
from pavane.adapters.sqlite.keys import SqliteKeys
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.adapters.sqlite.past import SqlitePast, Statements
from pavane.adapters.sqlite.snapshot import SnapshotContext, header_of, task_of
from pavane.adapters.sqlite.writer import Writer
from pavane.core.model.rows import Key, Ready
from pavane.ports.store import LoadedRows, StoredWorkflow, Unit

T = TypeVar("T")

_READERS_MOST = 4  # idle reading connections that are kept


class SqliteStore(SqliteFile):
    """Keeps the rows in the file `path`, or in memory when it is ":memory:".

    Statements run on the event loop, COMMIT in a helper thread; `commit_thread=False` commits on
    the loop too, for virtual time. `durable=False` skips the fsync, for simulations, which lose no
    power. `read_only=True` takes no lock and serves snapshots and definitions, beside a server.

    One process at a time has it, so `members` is None.

    A snapshot that is held for long keeps the write-ahead log from being emptied: the file
    `PATH-wal` grows by what is committed meanwhile, until the snapshot is released.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        commit_thread: bool = True,
        durable: bool = True,
        read_only: bool = False,
    ) -> None:
        self.counters = Counters()
        super().__init__(
            path,
            self.counters,
            threaded=commit_thread,
            flushing="FULL" if durable else "OFF",
            read_only=read_only,
        )
        self._durable = durable
        self._readers: list[Connection] = []
        self.keys = SqliteKeys(self._read, self._write)
        self.past = SqlitePast(self._read, self._transact)
        self.members = None
        self._writer: Writer

    def _schema(self) -> list[Migration]:
        return migrations()

    def _begin(self) -> None:
        self._writer = Writer(self._connection, self.counters)

    def _end(self) -> None:
        for reader in self._readers:
            reader.close()
        self._readers.clear()

    def crash(self) -> SqliteStore:
        """The store that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there and nothing else; no tidying is done. For tests.
        """
        new = SqliteStore(self.path, commit_thread=self._threaded, durable=self._durable)
        self._die(new)
        return new

    # --- executions -----------------------------------------------------------------------------

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        """The header and the keys of each execution, by at most one statement per kind."""
        await self._free()
        loaded = {execution_id: LoadedRows(None) for execution_id in wanted}
        tasks: list[Key] = []
        values: list[Key] = []
        pages: list[Key] = []
        for execution_id, keys in wanted.items():
            found = loaded[execution_id]
            for kind, name in keys:
                if kind == "task":
                    found.tasks[name] = None
                    tasks.append((execution_id, name))
                elif kind == "value":
                    found.values[name] = None
                    values.append((execution_id, name))
                else:
                    found.pages[name] = ()
                    pages.append((execution_id, name))
        self.counters.loads += 1
        with self._reading():
            for row in self._many(q.LOAD_HEADER, [(execution_id,) for execution_id in wanted]):
                header = loaded[row[0]].header = header_of(row)
                self._writer.remember(header)
            for row in self._many(q.LOAD_TASK, tasks):
                loaded[row[0]].tasks[row[1]] = task_of(row)
            for row in self._many(q.LOAD_VALUE, values):
                loaded[row[0]].values[row[1]] = row[2]
            for row in self._many(q.LOAD_PAGE, pages):
                page = loaded[row[1]].pages
                page[row[0]] = (*page[row[0]], Ready(*row[1:]))
        return loaded

    async def find_keys(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Execution ids by (workflow, start key), for those that exist."""
        await self._free()
        with self._reading():
            return {(row[0], row[1]): row[2] for row in self._many(q.FIND_KEY, keys)}

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        """Write the units in one transaction; returns the indexes of those that lost."""
        if not units:
            return set()
        await self._free()
        lost: set[int] = set()
        with self._transaction():
            if not self._writer.write(units):
                # Rare, so the common case pays nothing for it: begin again, unit by unit.
                self._restart_transaction()
                lost = self._writer.judge(units)
                winners = [unit for index, unit in enumerate(units) if index not in lost]
                if winners and not self._writer.write(winners):
                    raise self.refused()
        await self._end_transaction()
        self.counters.lost += len(lost)
        return lost

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        """Tasks of a queue that a worker may take now."""
        return [Ready(*row) for row in await self._read(q.READY, queue, now, limit)]

    async def due(self, now: int, limit: int) -> list[tuple[int, str, str]]:
        """(alarm_at, execution_id, ref) of alarms at or before now."""
        return [(row[0], row[1], row[2]) for row in await self._read(q.DUE, now, limit)]

    async def next_alarm(self) -> int:
        """The earliest alarm_at of all, 0 when there is none."""
        return (await self._read(q.NEXT_ALARM))[0][0] or 0

    async def leases(self, worker_prefix: str) -> list[Ready]:
        """Leased tasks whose worker's name starts so, by execution and ref."""
        return [Ready(*row) for row in await self._read(q.LEASES, worker_prefix)]

    async def held(self, queues: Collection[str]) -> list[Ready]:
        """What is leased of these queues, by execution and ref."""
        await self._free()
        with self._reading():
            rows = self._many(q.HELD, [(queue,) for queue in set(queues)])
        return sorted((Ready(*row) for row in rows), key=lambda each: (each.execution_id, each.ref))

    async def paces(self) -> dict[str, bytes]:
        """When tasks began lately, by their names."""
        return {row[0]: row[1] for row in await self._read(q.PACES)}

    # --- definitions ----------------------------------------------------------------------------

    async def put_definition(self, hash: str, body: bytes, at: int) -> None:
        """Keep a workflow definition under its content hash."""
        await self._put(q.ADD_DEFINITION, [(hash, body, at)])

    async def definition(self, hash: str) -> bytes | None:
        """The definition with this content hash."""
        rows = await self._read(q.DEFINITION, hash)
        return rows[0][0] if rows else None

    async def put_workflow(self, workflow: StoredWorkflow) -> None:
        """Let a name and version stand for a content hash."""
        row = (workflow.name, workflow.version, workflow.definition, workflow.created_at)
        await self._put(q.PUT_WORKFLOW, [row])

    async def workflows(self) -> list[StoredWorkflow]:
        """All that are registered, by name and version."""
        return [StoredWorkflow(*row) for row in await self._read(q.WORKFLOWS)]

    async def put_task_definitions(self, bodies: Mapping[str, bytes]) -> None:
        """Keep task definitions by name."""
        await self._put(q.PUT_TASK_DEFINITION, list(bodies.items()))

    async def task_definitions(self) -> dict[str, bytes]:
        """All task definitions by name."""
        return {row[0]: row[1] for row in await self._read(q.TASK_DEFINITIONS)}

    async def put_schedule(self, name: str, body: bytes) -> None:
        """Keep a schedule under its name."""
        await self._put(q.PUT_SCHEDULE, [(name, body)])

    async def remove_schedule(self, name: str) -> bool:
        """Forget a schedule; False where there is none."""
        return bool(await self._write(q.REMOVE_SCHEDULE, (name,)))

    async def schedules(self) -> dict[str, bytes]:
        """All schedules by name."""
        return {row[0]: row[1] for row in await self._read(q.SCHEDULES)}

    # --- views ----------------------------------------------------------------------------------

    def snapshot(self) -> SnapshotContext:
        """A reading view on a connection of its own; leave the context to release it."""
        return SnapshotContext(self, threaded=self._threaded)

    async def begin_reading(self) -> Connection:
        """A connection whose read transaction has begun; `end_reading` takes it back."""
        if self._in_memory:
            await self._free()
        self._check_open()
        with self._errors():
            reader = self._readers.pop() if self._readers else self._reader()
            reader.execute("BEGIN")
            reader.execute(q.PIN).fetchall()
        return reader

    def end_reading(self, reader: Connection) -> None:
        """The snapshot on this connection is released."""
        reader.execute("ROLLBACK")
        keep = self._serving and not self._in_memory
        if keep and len(self._readers) < _READERS_MOST:
            self._readers.append(reader)
        else:
            reader.close()

    def _reader(self) -> Connection:
        if self._in_memory:  # a database in memory has one connection: a copy is what there is
            reader = connect(":memory:")
            reader.deserialize("main", self._connection.serialize("main"))
        else:
            reader = connect(str(self.path), read_only=True)
        tune_reader(reader)
        return reader

    async def _write(self, sql: str, row: Sequence[object]) -> int:
        """One statement in a transaction of its own; how many rows it changed."""
        return await self._transact(lambda run: run(sql, [row])[1])

    async def _put(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        await self._transact(lambda run: run(sql, rows))

    async def _transact(self, work: Callable[[Statements], T]) -> T:
        """What `work` does by its statements is one transaction."""
        await self._free()

        def run(sql: str, rows: Sequence[Sequence[object]]) -> tuple[list[tuple[Any, ...]], int]:
            before = self._connection.total_changes()
            return self._many(sql, rows), self._connection.total_changes() - before

        with self._transaction():
            done = work(run)
        await self._end_transaction()
        return done
