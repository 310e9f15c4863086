"""Bringing a schema to the one of this version, beside processes of other versions that use it.

Old code works on a newer schema where that says so (`-- serves:` in its migrations), and new code
brings the schema up to date before it works: so nodes are replaced one after the other.
"""

from __future__ import annotations

import zlib
from typing import Final

from pavane.adapters.migrations import Migration, migrations_in
from pavane.adapters.postgres.connection import OLDEST, Connection
from pavane.adapters.postgres.place import Place
from pavane.errors import StoreError, StoreVersionError

_META: Final = """CREATE TABLE IF NOT EXISTS meta (
    name text COLLATE "C" NOT NULL PRIMARY KEY, value text NOT NULL)"""
_PREFIX: Final = "migration:"
_SERVES: Final = "serves"
_LOCK: Final = 0x50617661  # of advisory locks, the class that is ours
_WAIT_MS: Final = 60_000  # for another process that migrates, or for a table in use

_LOOK: Final = """SELECT current_setting('server_version_num')::int,
    current_setting('server_encoding'),
    ARRAY(SELECT relname::text FROM pg_class
        WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p'))"""


def migrations(kind: str = "") -> list[Migration]:
    """All that this version knows, by number."""
    return migrations_in("pavane.adapters.postgres", kind)


async def bring_up_to_date(
    connection: Connection,
    place: Place,
    known: list[Migration],
    option: str = "--store",
    *,
    read_only: bool = False,
) -> None:
    """All that is missing, in one transaction, while no other process does the same.

    StoreVersionError for a newer schema that does not serve this version, StoreError for one that
    is not ours, or is older while it may only be read. Other errors are the driver's.
    """
    if not await _missing(connection, place, known, option):
        return
    if read_only:
        raise StoreError(
            f"The PostgreSQL database {place} has no schema of this version of Pavane.",
            "Start a server on it once, which brings it up to date.",
        )
    await connection.execute(f"BEGIN; SET LOCAL lock_timeout = {_WAIT_MS}")
    try:
        key = zlib.crc32(place.schema.encode()) - (1 << 31)
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _LOCK, key)
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{place.schema}"')
        await connection.execute(_META)
        for migration in await _missing(connection, place, known, option):
            await connection.execute(migration.sql)
            put = "INSERT INTO meta (name, value) VALUES ($1, $2)"
            await connection.execute(put, _PREFIX + migration.name, migration.checksum)
        await connection.execute(
            """INSERT INTO meta (name, value) VALUES ($1, $2), ('log:base', '0')
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            WHERE meta.name = $1 AND meta.value::int < excluded.value::int""",
            _SERVES,
            str(max(migration.serves for migration in known)),
        )
        await connection.execute("COMMIT")
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise


async def _missing(
    connection: Connection, place: Place, known: list[Migration], option: str
) -> list[Migration]:
    """What has to be done to this schema; only reads."""
    version, encoding, tables = (await connection.fetch(_LOOK, place.schema))[0]
    if version < OLDEST:
        raise StoreError(
            f"The PostgreSQL server of {place} has version {version // 10000}.",
            "Use version 15 or newer.",
        )
    if encoding != "UTF8":
        raise StoreError(
            f"The PostgreSQL database {place} keeps texts as {encoding}.",
            "Make one with `createdb --encoding UTF8 --template template0`.",
        )
    if not tables:
        return known
    if "meta" not in tables:
        raise StoreError(
            f"The PostgreSQL database {place} was not made by Pavane: it has other tables.",
            f"Give another schema in {option}: postgresql://…?schema=NAME.",
        )
    found = {row[0]: row[1] for row in await connection.fetch("SELECT name, value FROM meta")}
    done = {
        name.removeprefix(_PREFIX): sum_ for name, sum_ in found.items() if name.startswith(_PREFIX)
    }
    kinds = {name[5:] for name in done if name.startswith("0001_")}
    if kinds and known[0].name[5:] not in kinds:
        raise StoreError(
            f"The PostgreSQL database {place} holds a {kinds.pop()}, not a {known[0].name[5:]}.",
            f"Give another schema in {option}: postgresql://…?schema=NAME.",
        )
    serves = int(found.get(_SERVES, "0"))
    return _compared(place, {int(name[:4]): each for name, each in done.items()}, serves, known)


def _compared(
    place: Place, done: dict[int, str], serves: int, known: list[Migration]
) -> list[Migration]:
    ours = known[-1].number
    if serves > ours:
        raise StoreVersionError(
            f"The PostgreSQL database {place} has schema {max(done)}, made by a newer Pavane. It "
            f"serves versions from schema {serves} on; this one knows schemas up to {ours}.",
            "Install a newer version of Pavane.",
        )
    for migration in known:
        if migration.number in done and done[migration.number] != migration.checksum:
            raise StoreError(
                f"The PostgreSQL database {place} was made by another build of Pavane: "
                f"its migration {migration.name} differs.",
                "Use the build that made it, or another database.",
            )
    return [migration for migration in known if migration.number not in done]
