"""A ledger's one connection, lent to a function of the service for the length of a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from typing import Final

import apsw

from pavane.adapters.sqlite.connection import Connection, Flushing
from pavane.adapters.sqlite.counters import FileCounters
from pavane.adapters.sqlite.file import SqliteFile
from pavane.adapters.sqlite.guard import Guard, tables_made
from pavane.adapters.to_the_end import to_the_end
from pavane.errors import UsageError

_LOG = logging.getLogger("pavane.ledger")

_RETURN_S: Final = 1.0  # how long closing waits for a function that still has the connection

_Free = asyncio.Future[None]


class LendingFile(SqliteFile):
    """One borrower at a time, first come first served; everybody else waits until it has ended.

    A second connection would do without the waiting, but then two of one process would write, and
    the one that does not get in would hold up the event loop.
    """

    _guard: Guard

    def __init__(
        self,
        path: str | PathLike[str],
        counters: FileCounters,
        *,
        threaded: bool,
        flushing: Flushing,
        lease_s: float = 0.0,
    ) -> None:
        super().__init__(path, counters, threaded=threaded, flushing=flushing, lease_s=lease_s)
        self._turns = asyncio.Lock()
        self._lent: _Free | None = None  # done when the connection is given back

    def _begin(self) -> None:
        self._lent = None
        self._guard = Guard(self._connection, tables_made(each.sql for each in self._schema()))

    async def close(self) -> None:
        """As for any file; a function that does not give the connection back is left with it."""
        if await self._returned():
            await super().close()
        elif self._serving:
            _LOG.warning("%s is closed while a function still uses it", self.path)
            await self._committer.idle()
            self._release()

    async def _returned(self) -> bool:
        """Whether nobody has the connection, now or after a little while."""
        if self._serving and self._lent is not None:
            await asyncio.wait([self._lent], timeout=_RETURN_S)
        return not self._serving or self._lent is None

    def _let_go(self, connection: Connection) -> None:
        # What is lent cannot be closed. It can commit nothing any more, and goes with the process.
        if self._lent is None:
            super()._let_go(connection)

    def _die(self, new: SqliteFile) -> None:
        if self._serving:
            self._guard.armed = False  # the roll-back is ours; a commit stays refused
        super()._die(new)

    async def _free(self) -> None:
        await super()._free()
        while self._lent is not None:
            await asyncio.shield(self._lent)
            await super()._free()

    @asynccontextmanager
    async def lend(self, *, read_only: bool = False) -> AsyncGenerator[Loan]:
        """The connection in a transaction that has begun; undone on leaving, unless committed."""
        async with self._turns:
            await self._free()
            back: _Free = asyncio.get_running_loop().create_future()
            self._lent = back
            loan = Loan(self, self._connection)
            try:
                self._begin_loan(read_only)
                yield loan
            finally:
                if loan.left_to is None:
                    self._take_back(back, read_only)
                else:
                    # Its turn is over when its user has ended, and so is everybody's wait.
                    asyncio.ensure_future(loan.left_to).add_done_callback(
                        lambda _: self._take_back(back, read_only)
                    )

    def _begin_loan(self, read_only: bool) -> None:
        with self._errors():
            self._counters.statements += 1
            if read_only:
                self._connection.execute("BEGIN; PRAGMA query_only = 1")
            else:
                self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._ensure_held()
        except BaseException:
            self._connection.execute("ROLLBACK; PRAGMA query_only = 0")
            raise
        self._guard.arm()

    async def end_loan(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Commit what the borrower did, and these rows."""
        self._check_open()
        self._guard.disarm()
        try:
            if self._guard.ended or not self._connection.in_transaction:
                raise UsageError(
                    "The function has ended the transaction that it was called in, "
                    "so nothing that it wrote is kept.",
                    "Leave BEGIN, COMMIT and ROLLBACK out of it; `with db:` undoes a part.",
                )
            with self._errors():
                self._many(sql, rows)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        await self._end_transaction()

    def _take_back(self, back: _Free, read_only: bool) -> None:
        if self._guard.armed:  # nothing was committed
            self._guard.disarm()
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if read_only:
                    self._connection.execute("PRAGMA query_only = 0")
            except apsw.Error as error:
                self._broken = self.ours(error)
        self._lent = None
        if not back.done():
            back.set_result(None)
        if not self._serving:  # it was closed meanwhile
            super()._let_go(self._connection)


class Loan:
    """The connection, while it is lent."""

    __slots__ = ("_file", "connection", "left_to")

    def __init__(self, file: LendingFile, connection: Connection) -> None:
        self._file = file
        self.connection = connection
        self.left_to: Awaitable[object] | None = None

    async def commit(self, sql: str = "", rows: Sequence[Sequence[object]] = ()) -> None:
        """Make it durable with these rows, whether or not the caller is cancelled meanwhile.

        UsageError where its user has ended the transaction; StoreError.
        """
        await to_the_end(self._file.end_loan(sql, rows))

    def leave_behind(self, ended: Awaitable[object]) -> None:
        """Its user cannot be stopped: undo everything when that has ended."""
        self.left_to = ended
