"""The store in one SQLite file: rows in tables, many units per transaction, one writer."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import apsw

from pavane.adapters.sqlite import queries as q
from pavane.adapters.sqlite.checkpointer import Checkpointer
from pavane.adapters.sqlite.committer import Committer
from pavane.adapters.sqlite.connection import (
    Connection,
    Cursor,
    connect,
    translate,
    tune_durability,
    tune_reader,
    tune_writer,
)
from pavane.adapters.sqlite.counters import Counters
from pavane.adapters.sqlite.lock import ServerLock
from pavane.adapters.sqlite.migrate import migrate, migrations, pending
from pavane.adapters.sqlite.snapshot import SnapshotContext, header_of, task_of
from pavane.adapters.sqlite.writer import Writer
from pavane.core.model.rows import Key, Ready
from pavane.errors import StoreError
from pavane.ports.store import LoadedRows, StoredWorkflow, Unit

_READERS_MOST = 4  # idle reading connections that are kept


class SqliteStore:
    """Keeps the rows in the file `path`, or in memory when it is ":memory:".

    Statements run on the event loop, COMMIT in a helper thread; `commit_thread=False` commits on
    the loop too, for virtual time. `durable=False` skips the fsync, for simulations, which lose no
    power. `read_only=True` takes no lock and serves snapshots and definitions, beside a server.

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
        self._in_memory = fspath(path) == ":memory:"
        self.path = Path(path) if self._in_memory else Path(path).resolve()
        self._threaded = commit_thread
        self._durable = durable
        self._read_only = read_only
        self._lock: ServerLock | None = None
        self._image: bytes | None = None  # what a crashed store in memory left
        self._readers: list[Connection] = []
        self._writer: Writer | None = None
        self._broken: StoreError | None = None
        self._connection: Connection
        self._cursor: Cursor
        self._committer: Committer

    # --- opening and closing --------------------------------------------------------------------

    async def open(self) -> None:
        """Lock the file, bring it to this version's schema, begin to serve."""
        if not self._in_memory:
            self._check_path()
            if not self._read_only:
                self._take_lock()
        connection: Connection | None = None
        try:
            with self._errors():
                connection = connect(str(self.path), read_only=self._read_only)
                self._prepare(connection)
        except BaseException:
            if connection is not None:
                connection.close()
            if self._lock is not None:
                self._lock.release()
            raise
        self._connection = connection
        self._cursor = connection.cursor()
        threaded = self._threaded and not self._read_only
        beside = self._connect_beside if threaded and not self._in_memory else None
        checkpointer = Checkpointer(connection, self.counters, beside)
        self._committer = Committer(connection, self.counters, checkpointer, threaded=threaded)
        self._writer = Writer(connection, self.counters)

    def _take_lock(self) -> None:
        self._lock = ServerLock(self.path)
        self._lock.take()

    def _check_path(self) -> None:
        if not self.path.parent.is_dir():
            raise StoreError(
                f"The database {self.path} cannot be opened: its folder does not exist.",
                "Create the folder, or give another --store.",
            )
        if self._read_only and not self.path.exists():
            raise StoreError(
                f"There is no database {self.path}.", "Check the path given by --store."
            )

    def _prepare(self, connection: Connection) -> None:
        if self._image is not None:
            connection.deserialize("main", self._image)
        wanted = pending(connection, self.path, migrations())
        if self._read_only:
            if wanted:
                raise StoreError(
                    f"The database {self.path} has an older schema.",
                    "Start a server on it once, which brings it up to date.",
                )
            tune_reader(connection)
        else:
            tune_writer(connection, durable=self._durable)
            migrate(connection, wanted)

    def _connect_beside(self) -> Connection:
        """A connection that checkpoints beside the writer, as durably."""
        connection = connect(str(self.path))
        tune_durability(connection, durable=self._durable)
        return connection

    async def close(self) -> None:
        """Wait for the commit under way, move the log into the database, let go of the file."""
        if self._writer is not None:
            await self._committer.idle()
            self._release()

    def crash(self) -> SqliteStore:
        """The store that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there and nothing else; no tidying is done. For tests.
        """
        new = SqliteStore(self.path, commit_thread=self._threaded, durable=self._durable)
        if self._writer is not None:
            self._committer.stop()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if self._in_memory:
                new._image = self._connection.serialize("main")
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._release()
        return new

    def _release(self) -> None:
        self._writer = None
        self._committer.stop()
        for reader in self._readers:
            reader.close()
        self._readers.clear()
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    # --- executions -----------------------------------------------------------------------------

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        """The header and the keys of each execution, by at most one statement per kind."""
        writer = await self._free()
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
                writer.remember(header)
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
        writer = await self._free()
        lost: set[int] = set()
        with self._errors(), self._transaction():
            if not writer.write(units):
                # Rare, so the common case pays nothing for it: begin again, unit by unit.
                self._connection.execute("ROLLBACK; BEGIN IMMEDIATE")
                self.counters.statements += 2
                lost = writer.judge(units)
                winners = [unit for index, unit in enumerate(units) if index not in lost]
                if winners and not writer.write(winners):
                    raise StoreError(
                        f"The database {self.path} refused rows that nothing speaks against.",
                        "This is a fault in Pavane or another program's writing; please report it.",
                    )
        with self._errors():
            await self._committer.commit()
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
        keep = self._writer is not None and not self._in_memory
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

    # --- statements -----------------------------------------------------------------------------

    async def _free(self) -> Writer:
        """The writer, once no commit is under way. Nothing may be awaited while it is used."""
        writer = self._check_open()
        if self._committer.busy:
            await self._committer.idle()
            writer = self._check_open()
        return writer

    def _check_open(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"The database {self.path} is not open.", "Call open() first.")
        if self._broken is not None:
            raise self._broken
        return self._writer

    async def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        await self._free()
        self.counters.statements += 1
        with self._errors():
            return self._cursor.execute(sql, values).fetchall()

    def _many(self, sql: str, keys: Sequence[Sequence[object]]) -> list[tuple[Any, ...]]:
        if not keys:
            return []
        self.counters.statements += 1
        return self._cursor.executemany(sql, keys).fetchall()

    async def _put(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        await self._free()
        with self._errors(), self._transaction():
            self._many(sql, rows)
        with self._errors():
            await self._committer.commit()

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Several reads in one transaction: the file is locked once instead of once per key."""
        with self._errors():
            self._connection.execute("BEGIN")
            self.counters.statements += 2
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """Begin to write; on any error nothing was written. The caller commits."""
        if self._read_only:
            raise StoreError(
                f"The database {self.path} was opened for reading only.",
                "Send what changes something to the server that holds it.",
            )
        self._connection.execute("BEGIN IMMEDIATE")
        self.counters.statements += 1
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Generator[None]:
        """SQLite's errors leave as ours, with the cause."""
        try:
            yield
        except apsw.Error as error:
            raise self.ours(error) from error

    def ours(self, error: apsw.Error) -> StoreError:
        """SQLite's error as ours."""
        ours = translate(error, self.path)
        if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_FSYNC:
            # What the disk holds now is unknown; only opening the file again can tell.
            self._broken = ours
        return ours
