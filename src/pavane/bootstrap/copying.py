"""A store or a ledger copied from one URL to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pavane.bootstrap.opening import POSTGRES, not_installed
from pavane.errors import UsageError

if TYPE_CHECKING:
    from pavane.adapters.copying import Copied
    from pavane.ports.copying import Kind, Whole

_SQLITE = "sqlite:///"


async def copy_rows(
    source: str,
    target: str,
    *,
    service: str = "",
    leave: bool = False,
    tell: Callable[[str, int, int], None] = lambda _table, _done, _rows: None,
) -> tuple[Kind, str, list[Copied]]:
    """What was copied, where it is now, and its tables. UsageError, and errors as `copying.copy`.

    In PostgreSQL without a schema in the URL a ledger is where `pavane run` has that of the
    `service`, by default the one that a SQLite file is named after.
    """
    from pavane.adapters.copying import copy

    first = _opened(source, service)
    kind = await first.kind()
    if kind == "ledger" and not service and source.startswith(_SQLITE):
        service = Path(source.removeprefix(_SQLITE)).stem
    second = _opened(target, service if kind == "ledger" else "", ledger=kind == "ledger")
    if first.shown == second.shown:
        raise UsageError(f"That would copy {first.shown} to itself.", "Give two places.")
    kind, copied = await copy(first, second, leave=leave, tell=tell)
    return kind, second.shown, copied


def _opened(url: str, service: str, *, ledger: bool = False) -> Whole:
    if url.startswith(_SQLITE):
        from pavane.adapters.sqlite.whole import SqliteWhole

        return SqliteWhole(url.removeprefix(_SQLITE))
    if url.startswith(POSTGRES):
        try:
            from pavane.adapters.postgres.place import SCHEMA, place_of, schema_of
            from pavane.adapters.postgres.whole import PostgresWhole
        except ModuleNotFoundError as error:
            raise not_installed(error, "postgres") from error
        if ledger and not service and "schema=" not in url:
            raise UsageError(
                "It does not say whose ledger this is.", "Add --service NAME, or ?schema=NAME."
            )
        return PostgresWhole(place_of(url, schema_of(service) if service else SCHEMA))
    if url.startswith("memory"):
        raise UsageError(
            "What is in memory ends with its process.", "Use sqlite:///path.db or postgresql://…."
        )
    raise UsageError(f"{url!r} is no store.", "Use sqlite:///path.db or postgresql://….")
