"""One SQLite file as its one writer sees it: opened, locked, brought up to date, written."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar, Final

import apsw

from pavane.adapters.sqlite.checkpointer import Checkpointer
from pavane.adapters.sqlite.committer import Committer
from pavane.adapters.sqlite.connection import (
    BUSY_MS,
    Connection,
    Cursor,
    Flushing,
    connect,
    translate,
    tune_durability,
    tune_reader,
    tune_writer,
)
from pavane.adapters.sqlite.counters import FileCounters
from pavane.adapters.sqlite.lock import ServerLock
from pavane.adapters.sqlite.migrate import Migration, migrate, pending
from pavane.errors import LeaseLostError, StoreBusyError, StoreError

_BEATS: Final = 3  # signs of life in the time of a lease
_TAKING_MS: Final = 50  # how long the loop waits for a writer that may have been stopped writing


class SqliteFile(ABC):
    """Statements run on the event loop, COMMIT in a helper thread unless `threaded` is False.

    A subclass says which schema the file has and what it holds ready while it is open. ":memory:"
    is no file: it has one connection and no lock. With a lease, a process that gave no sign of
    life for `lease_s` can be put out by one that stands by (see `lock`).
    """

    option: ClassVar[str] = "--store"  # what a person gives to choose the file

    def __init__(
        self,
        path: str | PathLike[str],
        counters: FileCounters,
        *,
        threaded: bool,
        flushing: Flushing,
        read_only: bool = False,
        lease_s: float = 0.0,
    ) -> None:
        self._in_memory = fspath(path) == ":memory:"
        self.path = Path(path) if self._in_memory else Path(path).resolve()
        self.lease_s = lease_s
        self._counters = counters
        self._threaded = threaded
        self._flushing: Flushing = flushing
        self._read_only = read_only
        self._lock: ServerLock | None = None
        if not self._in_memory and not read_only:
            self._lock = ServerLock(self.path, self.option, lease_s)
        self._is_lost = asyncio.Event()
        self._beats: asyncio.TimerHandle | None = None
        self._image: bytes | None = None  # what a crashed database in memory left
        self._serving = False
        self._broken: StoreError | None = None
        self._connection: Connection
        self._cursor: Cursor
        self._committer: Committer

    # --- what a subclass says -------------------------------------------------------------------

    @abstractmethod
    def _schema(self) -> list[Migration]:
        """The migrations of its tables, oldest first."""

    @abstractmethod
    def _begin(self) -> None:
        """The connection is there: hold ready what is needed."""

    def _end(self) -> None:  # noqa: B027  # there need not be anything to let go of
        """The connection is about to be closed."""

    # --- opening and closing --------------------------------------------------------------------

    async def open(self) -> None:
        """Lock the file, bring it to this version's schema, begin to serve."""
        if not self._in_memory:
            self._check_path()
        free = self._lock is None or self._take_lock(self._lock)
        connection: Connection | None = None
        try:
            with self._errors():
                connection = connect(str(self.path), read_only=self._read_only)
                if not free:
                    self._take_over(connection)
                self._prepare(connection)
                self._serve(connection)
        except BaseException:
            if connection is not None:
                connection.close()
            if self._lock is not None:
                self._lock.release()
            raise

    def _serve(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        threaded = self._threaded and not self._read_only
        beside = self._connect_beside if threaded and not self._in_memory else None
        checkpointer = Checkpointer(connection, self._counters, beside)
        self._begin()
        self._committer = Committer(connection, self._counters, checkpointer, threaded=threaded)
        self._serving = True
        self._broken = None
        self._is_lost = asyncio.Event()
        self._beat()

    def _take_lock(self, lock: ServerLock) -> bool:
        """Whether the file is free; False: it may be taken from a process that seems dead."""
        try:
            lock.take()
        except StoreBusyError:
            if not lock.may_be_replaced(asyncio.get_running_loop().time()):
                raise
            return False
        return True

    def _take_over(self, connection: Connection) -> None:
        """Put the silent holder out, while nobody writes."""
        assert self._lock is not None
        pending(connection, self.path, self._schema(), self.option)  # is it ours, not a newer one's
        connection.set_busy_timeout(_TAKING_MS)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            raise StoreBusyError(
                f"The database {self.path} is locked by a process that was stopped while writing.",
                "Let that process go on, or end it.",
            ) from error
        try:
            self._lock.replace()
        finally:
            connection.execute("ROLLBACK")
        connection.set_busy_timeout(BUSY_MS)

    # --- the lease ------------------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether another process is known to have taken it over since it was opened."""
        return self._is_lost.is_set()

    async def lost(self) -> None:
        """Wait until another process has taken it over."""
        await self._is_lost.wait()

    def _beat(self) -> None:
        """Show that this process lives, from its event loop: what that cannot do, nobody does."""
        if self._lock is None or not self.lease_s:
            return
        if self._lock.holds():
            self._lock.beat()
            loop = asyncio.get_running_loop()
            self._beats = loop.call_later(self.lease_s / _BEATS, self._beat)
        else:
            self._lose()

    def _ensure_held(self) -> None:
        """Inside a write transaction: nobody has taken the file over, nor can until its end."""
        if self._lock is not None and not self._lock.holds():
            raise self._lose()

    def _lose(self) -> StoreError:
        if not self._is_lost.is_set():
            self._broken = LeaseLostError(
                f"The database {self.path} was taken over by another process, "
                "as this one gave no sign of life for the length of its lease.",
                "Stand by until it is free; a longer --take-over-after tolerates longer pauses.",
            )
            self._is_lost.set()
        assert self._broken is not None
        return self._broken

    def _check_path(self) -> None:
        if not self.path.parent.is_dir():
            raise StoreError(
                f"The database {self.path} cannot be opened: its folder does not exist.",
                f"Create the folder, or give another {self.option}.",
            )
        if self._read_only and not self.path.exists():
            raise StoreError(
                f"There is no database {self.path}.", f"Check the path given by {self.option}."
            )

    def _prepare(self, connection: Connection) -> None:
        if self._image is not None:
            connection.deserialize("main", self._image)
        wanted = pending(connection, self.path, self._schema(), self.option)
        if self._read_only:
            if wanted:
                raise StoreError(
                    f"The database {self.path} has an older schema.",
                    "Start a server on it once, which brings it up to date.",
                )
            tune_reader(connection)
        else:
            tune_writer(connection, self._flushing)
            migrate(connection, wanted)

    def _connect_beside(self) -> Connection:
        """A connection that checkpoints beside the writer, as durably."""
        connection = connect(str(self.path))
        tune_durability(connection, self._flushing)
        return connection

    async def close(self) -> None:
        """Wait for the commit under way, move the log into the database, let go of the file."""
        if self._serving:
            await self._committer.idle()
            self._release()

    def _die(self, new: SqliteFile) -> None:
        """Serve nobody any more and tidy nothing up; `new` finds what was committed."""
        if self._serving:
            self._committer.stop()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if self._in_memory:
                new._image = self._connection.serialize("main")
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._release()

    def _release(self) -> None:
        self._serving = False
        if self._beats is not None:
            self._beats.cancel()
            self._beats = None
        self._committer.stop()
        self._end()
        self._let_go(self._connection)
        if self._lock is not None:
            self._lock.release()

    def _let_go(self, connection: Connection) -> None:
        connection.close()

    # --- statements -----------------------------------------------------------------------------

    async def _free(self) -> None:
        """Wait until no commit is under way. Nothing may be awaited while statements are run."""
        self._check_open()
        if self._committer.busy:
            await self._committer.idle()
            self._check_open()

    def _check_open(self) -> None:
        if not self._serving:
            raise StoreError(f"The database {self.path} is not open.", "Call open() first.")
        if self._broken is not None:
            raise self._broken

    async def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        await self._free()
        self._counters.statements += 1
        with self._errors():
            return self._cursor.execute(sql, values).fetchall()

    def _many(self, sql: str, keys: Sequence[Sequence[object]]) -> list[tuple[Any, ...]]:
        if not keys:
            return []
        self._counters.statements += 1
        return self._cursor.executemany(sql, keys).fetchall()

    async def _end_transaction(self) -> None:
        with self._errors():
            await self._committer.commit()

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Several reads in one transaction: the file is locked once instead of once per key."""
        with self._errors():
            self._connection.execute("BEGIN")
            self._counters.statements += 2
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """Begin to write; on any error nothing was written. The caller commits."""
        if self._read_only:
            raise StoreError(
                f"The database {self.path} was opened for reading only.",
                "Send what changes something to the server that holds it.",
            )
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            self._counters.statements += 1
            try:
                self._ensure_held()
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _restart_transaction(self) -> None:
        """Nothing was written so far."""
        self._connection.execute("ROLLBACK; BEGIN IMMEDIATE")
        self._counters.statements += 2
        self._ensure_held()

    @contextmanager
    def _errors(self) -> Generator[None]:
        """SQLite's errors leave as ours, with the cause."""
        try:
            yield
        except apsw.Error as error:
            raise self.ours(error) from error

    def ours(self, error: apsw.Error) -> StoreError:
        """SQLite's error as ours."""
        ours = translate(error, self.path, self.option)
        if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_FSYNC:
            # What the disk holds now is unknown; only opening the file again can tell.
            self._broken = ours
        return ours

    def refused(self) -> StoreError:
        """What to say when the database did not take what was judged to fit."""
        return StoreError(
            f"The database {self.path} refused rows that nothing speaks against.",
            "This is a fault in Pavane or another program's writing; please report it.",
        )
