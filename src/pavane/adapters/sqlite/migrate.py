"""Bringing a database file to the schema of this version, or refusing it untouched."""

from __future__ import annotations

from pathlib import Path

from pavane.adapters.migrations import Migration, migrations_in
from pavane.adapters.sqlite.connection import Connection
from pavane.errors import StoreError, StoreVersionError

META = """CREATE TABLE IF NOT EXISTS meta (
    name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL
) WITHOUT ROWID"""
_PREFIX = "migration:"


def migrations(kind: str = "") -> list[Migration]:
    """All that this version knows, by number."""
    return migrations_in("pavane.adapters.sqlite", kind)


def pending(
    connection: Connection, path: Path | str, known: list[Migration], option: str = "--store"
) -> list[Migration]:
    """What has to be done to this database; only reads.

    Raises StoreVersionError for a newer one, StoreError for one that is not ours.
    """
    tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema")}
    if not tables:
        return known
    if "meta" not in tables:
        raise StoreError(
            f"The database {path} was not made by Pavane: it has other tables.",
            f"Give another {option}.",
        )
    rows = connection.execute("SELECT name, value FROM meta").fetchall()
    done = {
        str(name).removeprefix(_PREFIX): str(checksum)
        for name, checksum in rows
        if str(name).startswith(_PREFIX)
    }
    kinds = {name[5:] for name in done if name.startswith("0001_")}
    if kinds and known[0].name[5:] not in kinds:
        raise StoreError(
            f"The database {path} holds a {kinds.pop()}, not a {known[0].name[5:]}.",
            f"Give another {option}.",
        )
    return _missing(
        path, {int(name[:4]): checksum for name, checksum in done.items()}, known, option
    )


def _missing(
    path: Path | str, done: dict[int, str], known: list[Migration], option: str
) -> list[Migration]:
    newest, ours = max(done, default=0), known[-1].number
    if newest > ours:
        raise StoreVersionError(
            f"The database {path} has schema {newest}, made by a newer Pavane; "
            f"this one knows schemas up to {ours}.",
            f"Install that newer version of Pavane, or give another {option}.",
        )
    for migration in known:
        if migration.number in done and done[migration.number] != migration.checksum:
            raise StoreError(
                f"The database {path} was made by another build of Pavane: "
                f"its migration {migration.name} differs.",
                f"Use the build that made it, or give another {option}.",
            )
    return [migration for migration in known if migration.number not in done]


def migrate(connection: Connection, wanted: list[Migration]) -> None:
    """Apply the migrations in one transaction: all of them or none."""
    if not wanted:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(META)
        for migration in wanted:
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?)",
                (_PREFIX + migration.name, migration.checksum),
            )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
