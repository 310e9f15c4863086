"""One unchanging state of the SQLite store, read on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Protocol

import apsw

from pavane.adapters.sqlite import queries as q
from pavane.adapters.sqlite.connection import Connection
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.errors import StoreError
from pavane.ports.store import LogEntry, Search

_SLICE = 200  # rows read at a time: between slices the event loop runs others
_make_header: Callable[..., Header] = Header
_make_task: Callable[..., TaskRow] = TaskRow
_PASSED: Final = Header.__struct_fields__.index("pivot_passed")


def header_of(row: tuple[Any, ...]) -> Header:
    """A header from a row in the order of its fields; SQLite has no booleans."""
    return _make_header(*row[:_PASSED], row[_PASSED] != 0, *row[_PASSED + 1 :])


def task_of(row: tuple[Any, ...]) -> TaskRow:
    """A task from a row in the order of its fields, whose last two are booleans."""
    return _make_task(*row[:-2], row[-2] != 0, row[-1] != 0)


class SqliteSnapshot:
    """Reads inside one read transaction, which the store begins and ends.

    Rows come in slices on the event loop. A statement that may read a whole index runs in a thread:
    it is one step for SQLite, which lets go of the interpreter lock meanwhile.
    """

    def __init__(self, connection: Connection, *, threaded: bool) -> None:
        self._connection = connection
        self._threaded = threaded

    async def header(self, execution_id: str) -> Header | None:
        """The header of one execution."""
        found = self._connection.execute(q.LOAD_HEADER, (execution_id,)).fetchall()
        return header_of(found[0]) if found else None

    async def tasks(self, execution_id: str) -> list[TaskRow]:
        """Every attempt of every step, by seq."""
        return [task_of(row) for row in await self._rows(q.TASKS, execution_id)]

    async def value(self, execution_id: str, name: str) -> bytes | None:
        """One named value of an execution."""
        found = self._connection.execute(q.LOAD_VALUE, (execution_id, name)).fetchall()
        return found[0][2] if found else None

    async def values(self, execution_id: str) -> dict[str, bytes]:
        """All values of one execution by name."""
        return {row[0]: row[1] for row in await self._rows(q.VALUES, execution_id)}

    async def ready(self, execution_id: str) -> list[Ready]:
        """All ready rows of one execution by ref."""
        return [Ready(*row) for row in await self._rows(q.READY_OF, execution_id)]

    async def search(self, wanted: Search) -> list[Header]:
        """The headers that fit, newest first."""
        sql, values = q.search(wanted)
        return [header_of(row) for row in await self._rows(sql, *values)]

    async def counts(self) -> dict[tuple[str, str], int]:
        """Executions by (workflow, status); reads an entry per execution, in a thread."""
        return {(row[0], row[1]): row[2] for row in await self._rows_in_thread(q.COUNTS)}

    async def log(self, execution_id: str) -> list[LogEntry]:
        """The entries of one execution, oldest first."""
        return [LogEntry(*row) for row in await self._rows(q.LOG_OF, execution_id)]

    async def log_after(self, position: int, limit: int) -> list[LogEntry]:
        """The log of all executions behind a position, oldest first."""
        return [LogEntry(*row) for row in await self._rows(q.LOG_AFTER, position, limit)]

    async def queues(self) -> dict[str, int]:
        """Tasks waiting for a worker, by queue."""
        return {row[0]: row[1] for row in await self._rows_in_thread(q.QUEUES)}

    async def running(self) -> dict[str, int]:
        """Tasks that workers have, by queue."""
        return {row[0]: row[1] for row in await self._rows_in_thread(q.RUNNING)}

    async def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor().execute(sql, values)
        rows = list(islice(cursor, _SLICE))
        while len(rows) % _SLICE == 0 and rows:
            await asyncio.sleep(0)
            more = list(islice(cursor, _SLICE))
            if not more:
                break
            rows += more
        return rows

    async def _rows_in_thread(self, sql: str) -> list[tuple[Any, ...]]:
        def read() -> list[tuple[Any, ...]]:
            return self._connection.cursor().execute(sql).fetchall()

        if not self._threaded:
            return read()
        reading = asyncio.get_running_loop().run_in_executor(None, read)
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            self._connection.interrupt()
            with suppress(apsw.InterruptError):
                await reading  # the connection is in use until the thread has let go
            raise


class Reads(Protocol):
    """What a snapshot needs of its store."""

    async def begin_reading(self) -> Connection: ...
    def end_reading(self, reader: Connection) -> None: ...
    def ours(self, error: apsw.Error) -> StoreError: ...


class SnapshotContext:
    """`async with`: a read transaction begins, and ends. One is made for every result read."""

    __slots__ = ("_reader", "_store", "_threaded")

    def __init__(self, store: Reads, *, threaded: bool) -> None:
        self._store = store
        self._threaded = threaded
        self._reader: Connection

    async def __aenter__(self) -> SqliteSnapshot:
        self._reader = await self._store.begin_reading()
        return SqliteSnapshot(self._reader, threaded=self._threaded)

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._store.end_reading(self._reader)
        if isinstance(error, apsw.Error):
            raise self._store.ours(error) from error
