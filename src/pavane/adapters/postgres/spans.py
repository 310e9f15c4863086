"""Spans of time: partitions of tables that grow, which go whole when what is in them is over.

`task`, `value` and `log` are partitioned by ranges of execution ids, which are ordered by time.
Each range has a table of each, named by its bounds; what fits in none is in the DEFAULT one. The
catalog alone says which there are. Nothing is right or wrong by where a row stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from pavane.adapters.postgres.connection import Connection, state_of
from pavane.core.model.ids import first_at

Run = Callable[[Callable[[Connection], Awaitable[Any]]], Awaitable[Any]]
"""Lends a connection, again where that was lost: only for what may be done twice."""

WIDTHS: Final = 6  # spans in the time for which executions are kept
_SHORTEST_MS: Final = 3_600_000
_AHEAD: Final = 2  # so many widths ahead there is a span for what begins
_SOON_MS: Final = 60_000  # clocks of nodes may be ahead so far
_LOCK_MS: Final = 300  # others wait behind whoever waits for a lock
_LARGEST: Final = 1 << 30  # bytes that are read, or indexed, while nobody can write
_STRAGGLERS: Final = 1000  # executions that go on, in a span that is old
_ROWS: Final = 50_000  # of them, in one table
_LOWEST: Final = "0" * 12
_NOT_HAD: Final = "55P03"  # a lock, in time
_IN_THE_WAY: Final = "23514"  # rows in DEFAULT

_TABLES: Final = {
    "task": ("PRIMARY KEY (execution_id, ref, attempt)", "fillfactor = 80"),
    "value": ("PRIMARY KEY (execution_id, name)", ""),
    "log": ("", ""),
}

_FOUND: Final = """SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = to_regclass('task') AND relname <> 'task_default' ORDER BY 1"""
_IS_MADE: Final = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('task')"
_SIZE: Final = """SELECT sum(pg_total_relation_size(to_regclass(name)))::bigint
    FROM unnest($1::text[]) AS n (name) WHERE to_regclass(name) IS NOT NULL"""
_LEFT: Final = """SELECT count(*) FROM (
    SELECT FROM execution WHERE id >= $1 AND id < $2 LIMIT $3) e"""
_REMEMBER: Final = """INSERT INTO meta (name, value)
    SELECT 'log:swept', max(position)::text FROM "log_{span}" HAVING max(position) IS NOT NULL
    ON CONFLICT (name) DO UPDATE
    SET value = greatest(meta.value::bigint, excluded.value::bigint)::text"""


class Span(NamedTuple):
    """Executions created in a time (epoch ms, from and until); 0: from ever on."""

    since: int
    until: int

    @property
    def name(self) -> str:
        """Of its tables, behind the name of the one that they are of."""
        return f"{self.since:012x}_{self.until:012x}"

    @property
    def ids(self) -> tuple[str, str]:
        """The first id in it, and the first behind it."""
        return first_at(self.since) if self.since else "", first_at(self.until)


class Spans:
    """The spans of one schema. Each change is one transaction, given up where a lock is not had."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def found(self) -> list[Span]:
        """Those that there are, the oldest first."""

        async def look(connection: Connection) -> list[Span]:
            names = [row[0].removeprefix("task_") for row in await connection.fetch(_FOUND)]
            return [Span(*(int(part, 16) for part in name.split("_"))) for name in names]

        return await self._run(look)

    async def keep_up(self, now: int, keep_ms: int) -> None:
        """Make what will be needed; drop what is older than what is kept, where all of it is over.

        A store whose tables are large when it is called first stays as it is.
        """
        width = max(keep_ms // WIDTHS, _SHORTEST_MS)
        if not await self._is_made(now + width):
            return
        spans = await self.found()
        last = max((span.until for span in spans), default=0)
        while last < now + _AHEAD * width:
            since = max(last, now + _SOON_MS)
            last = since + width
            if not await self._change(_add(Span(since, last))):
                break
        for span in spans:
            if span.until <= now - keep_ms:
                await self._let_go(span)

    async def _is_made(self, until: int) -> bool:
        """Whether tables have partitions, now if not before: what there is becomes the first."""

        async def make(connection: Connection) -> bool:
            if await connection.fetchval(_IS_MADE):
                return True
            if await connection.fetchval(_SIZE, list(_TABLES)) > _LARGEST:
                return False
            await connection.execute("LOCK TABLE task, value, log IN ACCESS EXCLUSIVE MODE")
            if not await connection.fetchval(_IS_MADE):  # another was first
                await connection.execute(_made(Span(0, until)))
            return True

        return bool(await self._change(make))

    async def _let_go(self, span: Span) -> None:
        first, behind = span.ids

        async def drop(connection: Connection) -> bool:
            left = await connection.fetchval(_LEFT, first, behind, _STRAGGLERS + 1)
            if left > _STRAGGLERS:
                return False
            for table in _TABLES if left else ():
                if await connection.fetchval(_rows_of(table, span, _ROWS + 1)) > _ROWS:
                    return False
            await connection.execute(_REMEMBER.format(span=span.name))
            for table in _TABLES:
                if left:
                    await connection.execute(_moved(table, span))
                await connection.execute(f'DROP TABLE "{table}_{span.name}"')
            gone = "DELETE FROM forgotten WHERE id >= $1 AND id < $2"
            await connection.execute(gone, first, behind)
            return True

        await self._change(drop)

    async def _change(self, do: Callable[[Connection], Awaitable[bool]]) -> bool:
        """In a transaction; False where it did not come about now."""

        async def change(connection: Connection) -> bool:
            await connection.execute(f"BEGIN; SET LOCAL lock_timeout = {_LOCK_MS}")
            try:
                done = await do(connection)
                await connection.execute("COMMIT")
            except BaseException as error:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                if state_of(error) in (_NOT_HAD, _IN_THE_WAY):
                    return False
                raise
            return done

        return await self._run(change)


def _with(parameters: str) -> str:
    return f" WITH ({parameters})" if parameters else ""


def _made(first: Span) -> str:
    """The tables under new names, as the first partitions of new ones under the old names."""
    parts: list[str] = []
    for table, (key, parameters) in _TABLES.items():
        old = f"{table}_{first.name}"
        parts.append(f'ALTER TABLE {table} RENAME TO "{old}"')
        if table == "log":
            parts.append(f'ALTER INDEX log_by_execution RENAME TO "log_by_execution_{first.name}"')
        like = f'LIKE "{old}"' + (f", {key}" if key else "")
        parts.append(f"CREATE TABLE {table} ({like}) PARTITION BY RANGE (execution_id)")
        if table == "log":
            parts.append("CREATE INDEX log_by_execution ON log (execution_id, position)")
            parts.append("CREATE INDEX log_by_position ON log (position)")
        bounds = f"FROM (MINVALUE) TO ('{first.ids[1]}')"
        parts.append(f'ALTER TABLE {table} ATTACH PARTITION "{old}" FOR VALUES {bounds}')
        default = f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT"
        parts.append(default + _with(parameters))
    return ";\n".join(parts)


def _add(span: Span) -> Callable[[Connection], Awaitable[bool]]:
    async def add(connection: Connection) -> bool:
        first, behind = span.ids
        for table, (_, parameters) in _TABLES.items():
            bounds = f"FROM ('{first}') TO ('{behind}')"
            sql = f'CREATE TABLE "{table}_{span.name}" PARTITION OF {table} FOR VALUES {bounds}'
            await connection.execute(sql + _with(parameters))
        return True

    return add


def _rows_of(table: str, span: Span, most: int) -> str:
    return f"""SELECT count(*) FROM (SELECT FROM {_of_who_goes_on(table, span)} LIMIT {most}) o"""


def _of_who_goes_on(table: str, span: Span) -> str:
    first, behind = span.ids
    return f"""(SELECT id FROM execution WHERE id >= '{first}' AND id < '{behind}') e
        JOIN "{table}_{span.name}" o ON o.execution_id = e.id"""


def _moved(table: str, span: Span) -> str:
    """Rows of who goes on, into DEFAULT: no partition has their range any more."""
    return f"""ALTER TABLE {table} DETACH PARTITION "{table}_{span.name}";
        INSERT INTO {table} SELECT o.* FROM {_of_who_goes_on(table, span)}"""
