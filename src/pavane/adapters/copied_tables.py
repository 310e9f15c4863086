"""What is copied of a store or a ledger: the tables that every database has, by their structs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.core.model.rows import Header, Ready, TaskRow, Value
from pavane.ports.copying import Kind, Row, Table
from pavane.ports.store import LogEntry, StoredWorkflow

_EVENT: Final = CloudEvent.__struct_fields__


def _of(name: str, struct: type[msgspec.Struct], *key: str) -> Table:
    flags = (each.name for each in msgspec.structs.fields(struct) if each.type is bool)
    return Table(name, key, struct.__struct_fields__, frozenset(flags))


def _plain(name: str, key: str, *others: str) -> Table:
    return Table(name, (key,), (key, *others))


TABLES: Final[dict[Kind, tuple[Table, ...]]] = {
    "store": (
        _plain("definition", "hash", "created_at", "body"),
        _of("workflow", StoredWorkflow, "name", "version"),
        _plain("task_definition", "name", "body"),
        _plain("schedule", "name", "body"),
        _plain("access_key", "id", "name", "roles", "digest", "created_at", "expires_at"),
        _plain("pace", "task", "body"),
        _of("execution", Header, "id"),
        _of("task", TaskRow, "execution_id", "ref", "attempt"),
        _of("value", Value, "execution_id", "name"),
        _of("ready", Ready, "execution_id", "ref"),
        _of("log", LogEntry, "position"),
        _plain("forgotten", "id"),
    ),
    "ledger": (
        _plain("execution", "id", "revision", "closed_at"),
        Table("state", ("execution", "group", "name"), ("execution", "group", "name", "body")),
        _plain("inbox", "message", "at"),
        Table("todo", ("execution", "name"), ("execution", "name", "due", "queue", "body")),
        _plain("log", "position", "at", "topic", "key", *_EVENT),
        _plain("aside", "message", "kind", "execution", "reason", "at", "until", *_EVENT),
        _plain("offset", "name", "position"),
        _plain("pavane_result", "key", "output", "at"),
    ),
}
"""By kind, in the order in which they are copied. A row is its columns, in this order."""

ONLY_THERE: Final = frozenset(
    {"meta", "writer", "member", "duty", "mark", "holder", "pavane_turn"},
)
"""Tables about the place itself and who uses it now: a copy has its own."""

_ROWS: Final = 2000
_BYTES: Final = 4 << 20


def pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in lists of a bounded number, and of bounded bytes but for the last row of each."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += size_of(row)
        if is_full(piece, size):
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def size_of(row: Row) -> int:
    """About how many bytes a row has in memory."""
    return sum(len(value) for value in row if isinstance(value, str | bytes))


def is_full(piece: list[Row], size: int) -> bool:
    """Whether a piece of so many bytes should go before another row is read."""
    return len(piece) >= _ROWS or size >= _BYTES


def quoted(names: Iterable[str]) -> str:
    """Column names for a statement."""
    return ", ".join(f'"{name}"' for name in names)
