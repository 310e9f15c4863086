"""One unchanging state of the PostgreSQL store, read in a transaction of its own."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres.connection import Connection, is_gone, translate
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.adapters.postgres.keys import Fetch
from pavane.adapters.postgres.place import Place
from pavane.adapters.postgres.pool import PATIENCE_S, Pauses, Pool
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.errors import StoreError
from pavane.ports.store import LogEntry, Search

_END: Final = 1 << 62


class PostgresSnapshot:
    """Reads inside one read transaction, which `SnapshotContext` begins and ends."""

    def __init__(
        self, connection: Connection, elsewhere: Fetch, place: Place, counters: PostgresCounters
    ) -> None:
        self._counters = counters
        self._connection = connection
        self._place = place
        self._elsewhere = elsewhere  # reads what is there now

    async def header(self, execution_id: str) -> Header | None:
        """The header of one execution."""
        found = await self._rows(q.HEADER_OF, execution_id)
        return Header(*found[0]) if found else None

    async def tasks(self, execution_id: str) -> list[TaskRow]:
        """Every attempt of every step, by seq."""
        return [TaskRow(*row) for row in await self._rows(q.TASKS, execution_id)]

    async def value(self, execution_id: str, name: str) -> bytes | None:
        """One named value of an execution."""
        found = await self._rows(q.VALUE, execution_id, name)
        return found[0][0] if found else None

    async def values(self, execution_id: str) -> dict[str, bytes]:
        """All values of one execution by name."""
        return {row[0]: row[1] for row in await self._rows(q.VALUES, execution_id)}

    async def ready(self, execution_id: str) -> list[Ready]:
        """All ready rows of one execution by ref."""
        return [Ready(*row) for row in await self._rows(q.READY_OF, execution_id)]

    async def search(self, wanted: Search) -> list[Header]:
        """The headers that fit, newest first."""
        sql, values = q.search(wanted)
        return [Header(*row) for row in await self._rows(sql, *values)]

    async def counts(self) -> dict[tuple[str, str], int]:
        """Executions by (workflow, status); reads an entry per execution."""
        return {(row[0], row[1]): row[2] for row in await self._rows(q.COUNTS)}

    async def log(self, execution_id: str) -> list[LogEntry]:
        """The entries of one execution, oldest first."""
        return [LogEntry(*row) for row in await self._rows(q.LOG_OF, execution_id)]

    async def log_after(self, position: int, limit: int) -> list[LogEntry]:
        """The log of all executions behind a position, oldest first.

        An entry is given only when no other can come in front of it any more.
        """
        end = await self._complete_before()
        return [LogEntry(*row) for row in await self._rows(q.LOG_AFTER, position, end, limit)]

    async def queues(self) -> dict[str, int]:
        """Tasks waiting for a worker, by queue."""
        return {row[0]: row[1] for row in await self._rows(q.QUEUES)}

    async def running(self) -> dict[str, int]:
        """Tasks that workers have, by queue."""
        return {row[0]: row[1] for row in await self._rows(q.RUNNING)}

    async def _complete_before(self) -> int:
        """The position in front of which this snapshot sees all that ever will be there.

        Transactions that were under way when it was taken are not in it. Those of them that write
        executions may leave entries in front of others that it sees: they are found among those
        that are under way still, or, where they have ended meanwhile, by what they have written.
        Which is asked in this order, so that none escapes in between.
        """
        base, unseen = (await self._rows(q.IN_PROGRESS))[0]
        if not unseen:
            return _END
        writing = {row[0] for row in await self._elsewhere(q.WRITING)}
        rest = [x for x in unseen if x & 0xFFFF_FFFF not in writing]
        logged = {row[0] for row in await self._elsewhere(q.HAVE_LOGGED, rest, base)}
        late = [x for x in unseen if x in logged or x not in rest]
        return (min(late) + base) << q.PLACES if late else _END

    async def _rows(self, sql: str, *values: object) -> list[Any]:
        self._counters.statements += 1
        self._counters.round_trips += 1
        try:
            return await self._connection.fetch(sql, *values)
        except Exception as error:  # the driver's leave as ours
            raise translate(error, self._place) from error


class SnapshotContext:
    """`async with`: a read transaction begins, and ends. One is made for every result read."""

    __slots__ = ("_connection", "_counters", "_elsewhere", "_place", "_pool")

    def __init__(
        self, pool: Pool, elsewhere: Fetch, place: Place, counters: PostgresCounters
    ) -> None:
        self._counters = counters
        self._pool = pool
        self._elsewhere = elsewhere
        self._place = place
        self._connection: Connection

    async def __aenter__(self) -> PostgresSnapshot:
        pauses = Pauses(PATIENCE_S)
        while True:
            try:
                self._connection = await self._begin()
            except Exception as error:  # tried again, or translated
                if not is_gone(error) or not await pauses.wait():
                    raise translate(error, self._place) from error
            else:
                return PostgresSnapshot(
                    self._connection, self._elsewhere, self._place, self._counters
                )

    async def _begin(self) -> Connection:
        connection = await self._pool.take()
        self._counters.round_trips += 1
        try:
            await connection.execute(q.BEGIN_READING)
        except BaseException:
            self._pool.drop(connection)
            raise
        return connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, StoreError | asyncio.CancelledError):  # perhaps amid a statement
            self._pool.drop(self._connection)
            return
        self._counters.round_trips += 1
        try:
            await self._connection.execute(q.END_READING)
        except BaseException as failure:
            self._pool.drop(self._connection)
            if not isinstance(failure, Exception):
                raise  # else what was read has been read
        else:
            self._pool.give_back(self._connection)
