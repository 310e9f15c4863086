"""Which connections to their service's database functions may ask for.

They are known by the names of their classes, so that no driver need be imported that nobody uses.
"""

from __future__ import annotations

from typing import Any, Final, get_origin

from pavane.errors import DefinitionError
from pavane.ports.results import APSW

_SYNC: Final = {
    ("psycopg", "Connection"): "psycopg.Connection",
    ("sqlalchemy", "Connection"): "sqlalchemy.Connection",
    ("sqlalchemy", "Session"): "sqlalchemy.Session",
}
_ASYNC: Final = {
    ("asyncpg", "Connection"): "asyncpg.Connection",
    ("psycopg", "AsyncConnection"): "psycopg.AsyncConnection",
    ("sqlalchemy", "AsyncConnection"): "sqlalchemy.AsyncConnection",
    ("sqlalchemy", "AsyncSession"): "sqlalchemy.AsyncSession",
}
_NAMES: Final = {("apsw", "Connection"): APSW, **_SYNC, **_ASYNC}


def database_in(annotation: Any, name: str, place: str, *, is_async: bool) -> str:
    """The connection that a parameter asks for by its annotation, by its name, or "".

    DefinitionError for one that a function of this kind cannot use.
    """
    annotation = get_origin(annotation) or annotation
    if not isinstance(annotation, type):
        return ""
    module = annotation.__module__.partition(".")[0]
    if (module, annotation.__name__) == ("sqlite3", "Connection"):
        raise DefinitionError(
            f"{place}: {name} asks for a sqlite3.Connection, and a ledger has an apsw.Connection.",
            f"Annotate it as {name}: apsw.Connection. In one process a file is used through one "
            "SQLite library only, or its locks are lost.",
        )
    asked = _NAMES.get((module, annotation.__name__), "")
    if asked in _ASYNC.values() and not is_async:
        raise DefinitionError(
            f"{place}: {name} asks for {asked}, which only an async function can use.",
            "Write async def, or ask for a connection that threads use, as psycopg.Connection.",
        )
    if asked in _SYNC.values() and is_async:
        raise DefinitionError(
            f"{place}: {name} asks for {asked}, which would hold up everything else in an async "
            "function while the server works.",
            "Write def without async, or ask for the async kind, as psycopg.AsyncConnection.",
        )
    return asked
