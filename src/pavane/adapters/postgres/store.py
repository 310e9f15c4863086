"""The store in PostgreSQL: many processes on one database, a round trip for a batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres.connection import PEOPLES_S, Connection, translate
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.adapters.postgres.keys import PostgresKeys
from pavane.adapters.postgres.members import PostgresMembers
from pavane.adapters.postgres.migrate import bring_up_to_date, migrations
from pavane.adapters.postgres.past import PostgresPast
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.pool import Pool
from pavane.adapters.postgres.shielded import Shielded
from pavane.adapters.postgres.snapshot import SnapshotContext
from pavane.adapters.postgres.telling import Telling
from pavane.adapters.postgres.writer import Writer
from pavane.core.model.rows import Header, Key, Ready, TaskRow
from pavane.errors import PavaneError, StoreError
from pavane.ports.store import LoadedRows, StoredWorkflow, Unit

_READERS_MOST: Final = 3  # for what the engine reads
_VIEWERS_MOST: Final = 8  # for snapshots, which people may hold for long


class PostgresStore:
    """Keeps the rows in the schema that the URL names (see `place`), `pavane` by default.

    It has one connection that commits, and a few each for what the engine reads and for snapshots.
    A lost one is replaced when it is needed. `read_only=True` serves snapshots and definitions.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self.place = place_of(url)
        self.counters = PostgresCounters()
        self.keys = PostgresKeys(self._read, self._write)
        self.past = PostgresPast(self._read, self._write, self._arrange)
        self._telling = Telling(self.place, self.counters)
        self.members = PostgresMembers(self._read, self._write, self._telling)
        self._read_only = read_only
        self._serving = False
        self._shielded = Shielded()
        self._readers: Pool
        self._viewers: Pool
        self._writer: Writer

    # --- opening and closing --------------------------------------------------------------------

    async def open(self) -> None:
        """Bring the schema up to date, where no other process has done so; begin to serve."""
        self._readers = Pool(self.place, _READERS_MOST)
        self._viewers = Pool(self.place, _VIEWERS_MOST, statement_s=PEOPLES_S)
        self._writer = Writer(self.place, self.counters)
        try:
            async with self._readers.lent() as connection:
                known = migrations()
                await bring_up_to_date(connection, self.place, known, read_only=self._read_only)
            if not self._read_only:
                await self._writer.open()
        except BaseException as error:
            await self._close_all()
            if isinstance(error, PavaneError) or not isinstance(error, Exception):
                raise
            raise translate(error, self.place) from error
        self._serving = True

    async def close(self) -> None:
        """Wait for the commits under way, and take leave of the server."""
        if self._serving:
            self._serving = False
            await self._shielded.idle()
            await self._close_all()

    async def _close_all(self) -> None:
        await self._telling.close()
        await self._writer.close()
        await self._readers.close()
        await self._viewers.close()

    def crash(self) -> PostgresStore:
        """The store that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there and nothing else; no tidying is done. For tests.
        """
        self._serving = False
        self._telling.abandon()
        self._writer.abandon()
        self._readers.abandon()
        self._viewers.abandon()
        return PostgresStore(self.url)

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        pools = (self._writer, self._readers, self._viewers, self._telling)
        return [pid for pool in pools for pid in pool.pids()]

    # --- executions -----------------------------------------------------------------------------

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        """The header and the keys of each execution, in one round trip."""
        loaded = {execution_id: LoadedRows(None) for execution_id in wanted}
        tasks: tuple[list[str], list[str]] = ([], [])
        values: tuple[list[str], list[str]] = ([], [])
        pages: tuple[list[str], list[str]] = ([], [])
        for execution_id, keys in wanted.items():
            found = loaded[execution_id]
            for kind, name in keys:
                if kind == "task":
                    ids, names = tasks
                    found.tasks[name] = None
                elif kind == "value":
                    ids, names = values
                    found.values[name] = None
                else:
                    ids, names = pages
                    found.pages[name] = ()
                ids.append(execution_id)
                names.append(name)
        self.counters.loads += 1
        for kind, row in await self._read(q.LOAD, list(wanted), *tasks, *values, *pages):
            if kind == 0:
                loaded[row[0]].header = Header(*row)
            elif kind == 1:
                loaded[row[0]].tasks[row[1]] = TaskRow(*row)
            elif kind == 2:
                loaded[row[0]].values[row[1]] = row[2]
            else:
                page = loaded[row[1]].pages
                page[row[0]] = (*page[row[0]], Ready(*row[1:]))
        return loaded

    async def find_keys(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Execution ids by (workflow, start key), for those that exist."""
        columns = [key[0] for key in keys], [key[1] for key in keys]
        return {(row[0], row[1]): row[2] for row in await self._read(q.FIND_KEYS, *columns)}

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        """Write the units in one transaction; returns the indexes of those that lost.

        Where others come in between again and again, the units are committed one by one. A caller
        that is cancelled meanwhile does not stop the commit.
        """
        self._check_open()
        self._check_writing()
        if not units:
            return set()
        lost = await self._shielded.run(self._writer.write(units))
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
        return [Ready(*row) for row in await self._read(q.HELD, sorted(set(queues)))]

    async def paces(self) -> dict[str, bytes]:
        """When tasks began lately, by their names."""
        return {row[0]: row[1] for row in await self._read(q.PACES)}

    # --- definitions ----------------------------------------------------------------------------

    async def put_definition(self, hash: str, body: bytes, at: int) -> None:
        """Keep a workflow definition under its content hash."""
        await self._write(q.ADD_DEFINITION, hash, body, at)

    async def definition(self, hash: str) -> bytes | None:
        """The definition with this content hash."""
        rows = await self._read(q.DEFINITION, hash)
        return rows[0][0] if rows else None

    async def put_workflow(self, workflow: StoredWorkflow) -> None:
        """Let a name and version stand for a content hash."""
        row = (workflow.name, workflow.version, workflow.definition, workflow.created_at)
        await self._write(q.PUT_WORKFLOW, *row)

    async def workflows(self) -> list[StoredWorkflow]:
        """All that are registered, by name and version."""
        return [StoredWorkflow(*row) for row in await self._read(q.WORKFLOWS)]

    async def put_task_definitions(self, bodies: Mapping[str, bytes]) -> None:
        """Keep task definitions by name."""
        names = sorted(bodies)  # in one order, so that nobody waits for each other
        await self._write(q.PUT_TASK_DEFINITIONS, names, [bodies[name] for name in names])

    async def task_definitions(self) -> dict[str, bytes]:
        """All task definitions by name."""
        return {row[0]: row[1] for row in await self._read(q.TASK_DEFINITIONS)}

    async def put_schedule(self, name: str, body: bytes) -> None:
        """Keep a schedule under its name."""
        await self._write(q.PUT_SCHEDULE, name, body)

    async def remove_schedule(self, name: str) -> bool:
        """Forget a schedule; False where there is none."""
        return bool(await self._write(q.REMOVE_SCHEDULE, name))

    async def schedules(self) -> dict[str, bytes]:
        """All schedules by name."""
        return {row[0]: row[1] for row in await self._read(q.SCHEDULES)}

    # --- views ----------------------------------------------------------------------------------

    def snapshot(self) -> SnapshotContext:
        """A reading view on a connection of its own; leave the context to release it."""
        self._check_open()
        return SnapshotContext(self._viewers, self._read, self.place, self.counters)

    # --- statements -----------------------------------------------------------------------------

    def _check_open(self) -> None:
        if not self._serving:
            raise StoreError(
                f"The PostgreSQL database {self.place} is not open.", "Call open() first."
            )

    def _check_writing(self) -> None:
        if self._read_only:
            raise StoreError(
                f"The PostgreSQL database {self.place} was opened for reading only.",
                "Send what changes something to a server on it.",
            )

    async def _read(self, sql: str, /, *values: object) -> list[Any]:
        """One statement, again on another connection where that one was lost."""
        self._check_open()
        self.counters.statements += 1
        self.counters.round_trips += 1

        async def fetch(connection: Connection) -> list[Any]:
            return await connection.fetch(sql, *values)

        return await self._readers.run(fetch)

    async def _arrange(self, use: Callable[[Connection], Awaitable[Any]]) -> Any:
        """What may take long and may be done twice: it is not for what the engine waits for."""
        self._check_open()
        self._check_writing()
        return await self._shielded.run(self._viewers.run(use))

    async def _write(self, sql: str, /, *values: object) -> list[Any]:
        """One statement that is a transaction and may be done twice."""
        self._check_open()
        self._check_writing()
        self.counters.commits += 1
        return await self._shielded.run(self._read(sql, *values))
