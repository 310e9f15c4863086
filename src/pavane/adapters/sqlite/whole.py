"""A SQLite file as a whole, for copies: read row by row, or filled in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from os import PathLike
from typing import Final

from pavane.adapters.copied_tables import ONLY_THERE, TABLES, pieces, quoted
from pavane.adapters.sqlite.connection import connect
from pavane.adapters.sqlite.counters import Counters
from pavane.adapters.sqlite.file import SqliteFile
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.ports.copying import Kind, Row, Table

_MARKS: Final = ("log", "results")  # whose log it is, and since when no result is missing
_MADE_BY: Final = "SELECT name FROM meta WHERE name LIKE 'migration:0001%'"
_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"


class SqliteWhole(SqliteFile):
    """The file `path`. Its lock is held meanwhile: no server and no service has it."""

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path, Counters(), threaded=False, flushing="FULL")
        self._kind: Kind = "store"

    @property
    def shown(self) -> str:
        return f"the database {self.path}"

    def _schema(self) -> list[Migration]:
        return migrations("ledger" if self._kind == "ledger" else "")

    def _begin(self) -> None:
        pass

    async def kind(self) -> Kind | None:
        if not self.path.exists():
            return None
        with self._errors():
            connection = connect(str(self.path), read_only=True)
            try:
                if ("meta",) not in connection.execute(_TABLES).fetchall():
                    return None
                made = connection.execute(_MADE_BY).fetchall()
            finally:
                connection.close()
        return "ledger" if made and made[0][0].endswith("_ledger") else "store"

    async def open(self, kind: Kind = "store", *, filling: bool = False) -> None:
        self._kind = kind
        await super().open()
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE" if filling else "BEGIN")

    async def close(self) -> None:
        if self._serving and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        await super().close()

    # --- reading --------------------------------------------------------------------------------

    async def count(self, table: Table) -> int:
        with self._errors():
            return self._cursor.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()[0][0]

    async def rows(self, table: Table) -> AsyncIterator[list[Row]]:
        sql = f'SELECT {quoted(table.columns)} FROM "{table.name}" ORDER BY {quoted(table.key)}'
        flags = [place for place, name in enumerate(table.columns) if name in table.flags]
        with self._errors():
            cursor = self._connection.cursor()  # of its own: it is read while others are used
            for piece in pieces(cursor.execute(sql)):
                yield [_with_flags(row, flags) for row in piece] if flags else piece

    async def marks(self) -> dict[str, str]:
        with self._errors():
            found = self._cursor.execute("SELECT name, value FROM meta").fetchall()
        return {name: value for name, value in found if name in _MARKS}

    async def strangers(self) -> list[str]:
        ours = ONLY_THERE | {each.name for each in TABLES[self._kind]}
        with self._errors():
            found = self._cursor.execute(_TABLES).fetchall()
        return [name for (name,) in found if name not in ours and not name.startswith("sqlite_")]

    # --- filling --------------------------------------------------------------------------------

    def fitted(self, table: Table, row: Row) -> Row:
        return row

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        places = ", ".join("?" * len(table.columns))
        sql = f'INSERT INTO "{table.name}" ({quoted(table.columns)}) VALUES ({places})'
        with self._errors():
            self._cursor.executemany(sql, rows)

    async def put_marks(self, marks: dict[str, str]) -> None:
        sql = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = ?2"
        with self._errors():
            self._cursor.executemany(sql, list(marks.items()))

    async def commit(self) -> None:
        with self._errors():
            self._connection.execute("COMMIT")


def _with_flags(row: Row, flags: Sequence[int]) -> Row:
    """SQLite has no truth values: their columns hold 0 or 1."""
    values = list(row)
    for place in flags:
        values[place] = bool(values[place])
    return tuple(values)
