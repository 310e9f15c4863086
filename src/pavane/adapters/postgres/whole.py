"""A PostgreSQL schema as a whole, for copies: read in one state, or filled in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

from pavane.adapters.copied_tables import ONLY_THERE, TABLES, is_full, quoted, size_of
from pavane.adapters.postgres import ledger_queries, writer
from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres.connection import Connection, connect, state_of, translate
from pavane.adapters.postgres.ledger_writer import ADVISORY, lock_key
from pavane.adapters.postgres.migrate import bring_up_to_date, migrations
from pavane.adapters.postgres.place import Place
from pavane.engine.burials import HEARD_BY
from pavane.engine.sessions import LEASE_S, PREFIX
from pavane.errors import InputError, PavaneError, StoreBusyError
from pavane.ports.copying import Kind, Row, Table

_STATEMENT_S: Final = 86_400.0  # a table may be large
_WAIT_MS: Final = 10_000  # for commits under way
_AT_A_TIME: Final = 100  # rows that the server sends
_FREE_TEXT: Final = "reason"  # the one column in which a NUL is shown, as in packing.py
_NUL_SHOWN: Final = "\u2400"
_NOT_AVAILABLE: Final = "55P03"  # somebody has a lock
_MARKS: Final = ("results",)

_MADE_BY: Final = """SELECT name FROM "{schema}".meta WHERE name LIKE 'migration:0001%'"""
_TABLES: Final = """SELECT relname::text FROM pg_class
    WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY 1"""
_SERVED: Final = {"store": ("writer", "member"), "ledger": ("writer", "holder")}

# What workers hold has nobody here yet who would see to it when they are gone. Those of other
# processes have a lease to come to a node of this store; those that were in a node went with it.
_LEAVE: Final = """INSERT INTO member (name, until, said)
    SELECT worker || $1, clock_timestamp()
        + CASE WHEN starts_with(worker, $2) THEN $3 ELSE 0 END * interval '1 second',
        convert_to(json_agg(json_build_array(execution_id, ref, attempt))::text, 'UTF8')
    FROM ready WHERE worker <> '' AND mark = '' AND ref <> '' GROUP BY worker
    ON CONFLICT (name) DO UPDATE SET until = excluded.until, said = excluded.said"""


class PostgresWhole:
    """A schema. Its tables are locked meanwhile, so nobody commits to it.

    A store that nodes use, and a ledger that a process serves, are refused; what processes do that
    only record results waits.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._kind: Kind = "store"
        self._is_open = False
        self._connection: Connection

    @property
    def shown(self) -> str:
        return f"the PostgreSQL database {self.place}"

    async def kind(self) -> Kind | None:
        with self._errors():
            connection = await connect(self.place)
            try:
                found = await connection.fetch(_TABLES, f'"{self.place.schema}"')
                if "meta" not in {row[0] for row in found}:
                    return None
                made = await connection.fetch(_MADE_BY.format(schema=self.place.schema))
            finally:
                await connection.close()
        return "ledger" if made and made[0][0].endswith("_ledger") else "store"

    async def open(self, kind: Kind, *, filling: bool) -> None:
        self._kind = kind
        with self._errors():
            self._connection = await connect(self.place, _STATEMENT_S)
            self._is_open = True
            try:
                known = migrations("ledger" if kind == "ledger" else "")
                await bring_up_to_date(self._connection, self.place, known)
                await self._have_alone(filling=filling)
            except BaseException:
                self._connection.terminate()
                self._is_open = False
                raise

    async def _have_alone(self, *, filling: bool) -> None:
        """Begin, with all tables locked before the first of them is read."""
        names = [*(table.name for table in TABLES[self._kind]), *_SERVED[self._kind]]
        if self._kind == "ledger":
            ask = (ledger_queries.LOCK, ADVISORY, lock_key(self.place))
            if not await self._connection.fetchval(*ask):
                raise self._busy("another process serves it")
        await self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await self._connection.execute(f"SET LOCAL lock_timeout = {_WAIT_MS}")
        mode = "EXCLUSIVE" if filling else "SHARE"
        try:
            await self._connection.execute(f"LOCK TABLE {quoted(names)} IN {mode} MODE")
        except Exception as error:
            if state_of(error) != _NOT_AVAILABLE:
                raise
            raise self._busy("somebody is writing to it") from error
        if self._kind == "store":
            alive = [row[0] for row in await self._connection.fetch(q.ALIVE)]
            if nodes := [name for name in alive if HEARD_BY not in name]:
                raise self._busy(f"used by {', '.join(nodes)}")

    def _busy(self, why: str) -> StoreBusyError:
        return StoreBusyError(
            f"The PostgreSQL database {self.place} is in use: {why}.",
            "Stop what uses it. A process that was killed counts until its lease has run out.",
        )

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        with suppress(Exception):  # what was not committed is gone in any case
            if self._connection.is_in_transaction():
                await self._connection.execute("ROLLBACK")
            await self._connection.close()
        self._connection.terminate()

    # --- reading --------------------------------------------------------------------------------

    async def count(self, table: Table) -> int:
        with self._errors():
            return await self._connection.fetchval(f'SELECT count(*) FROM "{table.name}"')

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        sql = f'SELECT {quoted(table.columns)} FROM "{table.name}" ORDER BY {quoted(table.key)}'
        with self._errors():
            piece: list[Row] = []
            size = 0
            async for record in cast(Any, self._connection).cursor(sql, prefetch=_AT_A_TIME):
                row = tuple(record)
                piece.append(row)
                size += size_of(row)
                if is_full(piece, size):
                    yield piece
                    piece, size = [], 0
            if piece:
                yield piece

    async def marks(self) -> dict[str, str]:
        with self._errors():
            found = await self._connection.fetch("SELECT name, value FROM meta")
        return {row[0]: row[1] for row in found if row[0] in _MARKS}

    async def strangers(self) -> list[str]:
        ours = ONLY_THERE | {each.name for each in TABLES[self._kind]}
        with self._errors():
            found = await self._connection.fetch(_TABLES, f'"{self.place.schema}"')
        return [row[0] for row in found if row[0] not in ours]

    # --- filling --------------------------------------------------------------------------------

    def fitted(self, table: Table, row: Row) -> Row:
        """PostgreSQL keeps no NUL in texts: in a reason it is shown, elsewhere it is refused."""
        if not any(isinstance(value, str) and "\0" in value for value in row):
            return row
        values = dict(zip(table.columns, row, strict=True))
        if _FREE_TEXT in values:
            values[_FREE_TEXT] = values[_FREE_TEXT].replace("\0", _NUL_SHOWN)
        for name, value in values.items():
            if isinstance(value, str) and "\0" in value:
                key = ", ".join(str(values[each]) for each in table.key)
                raise InputError(
                    f"PostgreSQL cannot keep the column {name} of the table {table.name}, "
                    f"{key!r}: it has the character NUL.",
                    "Such an execution stays where it is: remove it there, then copy again.",
                )
        return tuple(values.values())

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        with self._errors():
            await cast(Any, self._connection).copy_records_to_table(
                table.name, schema_name=self.place.schema, columns=table.columns, records=rows
            )

    async def put_marks(self, marks: dict[str, str]) -> None:
        sql = """INSERT INTO meta (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
        with self._errors():
            for name in _MARKS:
                if name in marks:
                    await self._connection.execute(sql, name, marks[name])

    async def commit(self) -> None:
        with self._errors():
            if self._kind == "store":
                await writer.raise_log_base(self._connection)
                left = (f"{HEARD_BY}a copy", PREFIX, LEASE_S)
                await self._connection.execute(_LEAVE, *left)
            await self._connection.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except PavaneError:
            raise
        except Exception as error:
            raise translate(error, self.place) from error
