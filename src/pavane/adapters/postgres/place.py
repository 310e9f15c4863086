"""Where a PostgreSQL database is, from its URL: for the driver, and for people to see."""

from __future__ import annotations

import re
import zlib
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pavane.errors import UsageError

SCHEMA: Final = "pavane"
"""Where the tables are unless the URL has another `schema`."""

DRIVERS: Final = ("asyncpg", "psycopg")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")


class Place(NamedTuple):
    """One schema of one database."""

    dsn: str  # for the driver: with the password, without what is ours
    schema: str
    shown: str  # for people: without the password
    listens: bool = True  # whether LISTEN may be used
    driver: str = DRIVERS[0]  # under AsyncSession and AsyncConnection of SQLAlchemy

    def __str__(self) -> str:
        return self.shown


def place_of(url: str, schema: str = SCHEMA) -> Place:
    """The place that `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME` names.

    With `listen=no` nodes tell each other nothing (some poolers swallow what is told); `driver` is
    for sessions of SQLAlchemy. Other parameters are the driver's (`sslmode`,
    `target_session_attrs`, …). UsageError.
    """
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError as error:
        raise UsageError(
            f"The URL of the PostgreSQL database cannot be read: {error}.",
            "Use postgresql://USER@HOST:PORT/DATABASE.",
        ) from error
    schema, driver = query.pop("schema", schema), query.pop("driver", DRIVERS[0])
    if driver not in DRIVERS:
        raise UsageError(
            f"{driver!r} is no driver that sessions of SQLAlchemy have here.",
            f"Use driver={' or driver='.join(DRIVERS)}, or leave it out.",
        )
    if not _NAME.match(schema) or schema.startswith("pg_"):
        raise UsageError(
            f"{schema!r} cannot be the schema of a database of Pavane.",
            "Use small letters, digits and underscores, a letter first.",
        )
    listen = query.pop("listen", "yes")
    if listen not in ("yes", "no"):
        raise UsageError(
            f"{listen!r} is no value of `listen` in the URL of the PostgreSQL database.",
            "Use listen=yes or listen=no.",
        )
    dsn = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))
    where = parts.netloc.rpartition("@")[2] or query.get("host", "") or "this machine"
    name = parts.path.strip("/") or query.get("database", "") or "the default database"
    return Place(dsn, schema, f"{name} at {where}, schema {schema}", listen == "yes", driver)


def schema_of(service: str) -> str:
    """The schema of a service's ledger, where nothing else is said: another for each name."""
    plain = re.sub(r"[^a-z0-9_]", "_", service.lower())[:40]
    if plain != service:
        plain += f"_{zlib.crc32(service.encode()):08x}"
    return f"{SCHEMA}_{plain}"


def beside(url: str, name: str) -> str:
    """The URL of a schema in the same database, named after the one that `url` names."""
    schema = f"{place_of(url).schema[:40]}_{name}"
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "schema": schema}
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))
