"""Connections to SQLite as stores and ledgers want them, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import apsw

from pavane.errors import StoreError, StoreFullError

PAGE_SIZE = 8192  # measured: a third less CPU per step than 4096 with 1 KB payloads, 16384 no gain
CACHE_KIB = 32 * 1024
BUSY_MS = 5000

Flushing = Literal["FULL", "NORMAL", "OFF"]
"""What a commit survives: the loss of power, the death of the process with the file whole after a

loss of power (it may be an older state), or the death of the process alone.
"""

_NO_ROOM = frozenset(
    {
        apsw.SQLITE_IOERR_WRITE,
        apsw.SQLITE_IOERR_TRUNCATE,
        apsw.SQLITE_IOERR_SHMSIZE,
        apsw.SQLITE_IOERR_SHMMAP,
    }
)


class Cursor(Protocol):
    """What we use of apsw's cursor, with types that a strict checker can follow."""

    def execute(self, sql: str, values: Sequence[object] = (), /) -> Cursor: ...
    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> Cursor: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...
    def __next__(self) -> tuple[Any, ...]: ...


class Connection(Protocol):
    """What we use of apsw's connection."""

    in_transaction: bool

    def cursor(self) -> Cursor: ...
    def execute(self, sql: str, values: Sequence[object] = (), /) -> Cursor: ...
    def close(self) -> None: ...
    def total_changes(self) -> int: ...
    def set_busy_timeout(self, milliseconds: int, /) -> None: ...
    def interrupt(self) -> None: ...
    def config(self, op: int, value: int, /) -> int: ...
    def serialize(self, name: str) -> bytes: ...
    def deserialize(self, name: str, contents: bytes) -> None: ...
    def set_wal_hook(self, hook: Any) -> None: ...
    def set_commit_hook(self, hook: Any) -> None: ...
    def set_rollback_hook(self, hook: Any) -> None: ...
    def set_authorizer(self, judge: Any) -> None: ...
    def wal_checkpoint(self, dbname: str | None = None, mode: int = 0) -> tuple[int, int]: ...


def connect(path: str, *, read_only: bool = False, busy_ms: int = BUSY_MS) -> Connection:
    """A connection that has touched nothing yet."""
    flags = (
        apsw.SQLITE_OPEN_READONLY
        if read_only
        else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    )
    connection = apsw.Connection(path, flags=flags, statementcachesize=100)
    connection.set_busy_timeout(busy_ms)
    # Without this, each new value bound to a prepared statement has it planned again: 20 us.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return cast(Connection, connection)


def tune_reader(connection: Connection) -> None:
    """Settings for reading; none of them changes the file."""
    connection.execute("PRAGMA query_only = 1; PRAGMA cache_size = -4096; PRAGMA temp_store = 2")


def tune_writer(connection: Connection, flushing: Flushing) -> None:
    """Settings for the one writer."""
    # A page size counts only before the first table; WAL is remembered in the file.
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    tune_durability(connection, flushing)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = 2")


def tune_durability(connection: Connection, flushing: Flushing) -> None:
    """What is flushed to the disk, by commits and by checkpoints."""
    connection.execute(f"PRAGMA synchronous = {flushing}")
    # macOS flushes to the disk itself only when asked twice; elsewhere these change nothing.
    connection.execute("PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1")


def translate(error: apsw.Error, path: Path | str, option: str = "--store") -> StoreError:
    """SQLite's error as one of ours; the caller raises it from the original."""
    code = getattr(error, "extendedresult", 0)
    if isinstance(error, apsw.FullError) or code in _NO_ROOM:
        return StoreFullError(
            f"There is no room left for the database {path} ({error}); nothing was written.",
            "Make room on its disk; the server goes on by itself.",
        )
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return StoreError(
            f"The file {path} is damaged or is not a SQLite database ({error}).",
            f"Restore it from a back-up, or give another {option}.",
        )
    if isinstance(error, apsw.CantOpenError | apsw.PermissionsError | apsw.ReadOnlyError):
        return StoreError(
            f"The database {path} cannot be opened ({error}).",
            "Check that its folder exists and may be written to.",
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreError(
            f"The database {path} is locked by another program ({error}).",
            "Close what writes to it; only one Pavane server may.",
        )
    return StoreError(
        f"SQLite failed on the database {path}: {error}.",
        "Check the disk and its free room, then restart the server.",
    )
