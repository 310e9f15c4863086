"""`db: psycopg.AsyncConnection`, and `db: psycopg.Connection` in threads."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from pavane.adapters.postgres.connection import CONNECT_S
from pavane.adapters.postgres.lent.shelf import Shelf
from pavane.adapters.postgres.lent.terms import CLEAN, MOST, READ_WRITE, Lent, Terms
from pavane.adapters.postgres.lent.threads import Aside

Async = psycopg.AsyncConnection[Any]
Sync = psycopg.Connection[Any]


def options(terms: Terms) -> dict[str, Any]:
    """What a session on these terms is opened with, beside its place."""
    given = str(conninfo_to_dict(terms.place.dsn).get("options") or "")
    ours = " ".join(f"-c {name}={_escaped(value)}" for name, value in terms.settings.items())
    return {"connect_timeout": int(CONNECT_S), "options": f"{given} {ours}".strip()}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _cut(connection: Async | Sync) -> None:
    """Its number stays taken until whoever waits for it has let go: another must not have it."""
    with suppress(psycopg.Error, OSError):  # it is closed already
        wire = socket.socket(fileno=os.dup(connection.pgconn.socket))
        with closing(wire):
            wire.shutdown(socket.SHUT_RDWR)


class AsyncPsycopg:
    """How it connects and closes."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def connect(self) -> Async:
        """A session on these terms."""
        return await psycopg.AsyncConnection.connect(self._terms.place.dsn, **options(self._terms))

    def is_closed(self, connection: Async) -> bool:
        """Whether it is known to be lost."""
        return connection.closed

    def pid(self, connection: Async) -> int:
        """The server's process."""
        return connection.info.backend_pid

    async def close(self, connection: Async) -> None:
        """Take leave."""
        await connection.close()

    def let_go(self, connection: Async) -> None:
        """At once."""
        connection.pgconn.finish()

    def cut(self, connection: Async) -> None:
        """In the middle."""
        _cut(connection)


class AsyncPsycopgLender:
    """Lends `psycopg.AsyncConnection`."""

    def __init__(self, terms: Terms) -> None:
        self._shelf: Shelf[Async] = Shelf(MOST, AsyncPsycopg(terms))

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin a transaction, which with this driver its first statement does."""
        connection = await self._shelf.take()
        try:
            if not read_only:
                await connection.execute(READ_WRITE)
        except BaseException:
            self._shelf.drop(connection)
            self._shelf.forget()
            raise
        return _AsyncLent(connection, self._shelf)

    async def close(self) -> None:
        """Take leave of the server."""
        await self._shelf.close()

    def abandon(self) -> None:
        """Let go of all."""
        self._shelf.abandon()

    def pids(self) -> list[int]:
        """For tests."""
        return self._shelf.pids()


class _AsyncLent:
    def __init__(self, connection: Async, shelf: Shelf[Async]) -> None:
        self.connection: Any = connection
        self._asynchronous = connection
        self._shelf = shelf
        self._makes = connection.row_factory, connection.cursor_factory

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        cursor = psycopg.AsyncRawCursor(self._asynchronous, row_factory=tuple_row)
        await cursor.execute(sql.encode(), values)
        return await cursor.fetchall()

    async def flush(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        await self._asynchronous.commit()
        await self._put_back()

    async def roll_back(self) -> None:
        await self._asynchronous.rollback()
        await self._put_back()

    async def _put_back(self) -> None:
        connection = self._asynchronous
        connection.row_factory, connection.cursor_factory = self._makes
        await connection.set_autocommit(True)
        await connection.execute(CLEAN)
        await connection.set_autocommit(False)
        self._shelf.put_back(connection)

    def drop(self) -> None:
        self._shelf.drop(self._asynchronous)


class SyncPsycopg:
    """How it connects and closes."""

    def __init__(self, terms: Terms, threads: ThreadPoolExecutor) -> None:
        self._terms = terms
        self._threads = threads

    def connect_here(self) -> Sync:
        """A session on these terms, in this thread."""
        return psycopg.Connection.connect(self._terms.place.dsn, **options(self._terms))

    async def connect(self) -> Sync:
        """The same, in another."""
        return await Aside(self._threads).run(self.connect_here)

    def is_closed(self, connection: Sync) -> bool:
        """Whether it is known to be lost."""
        return connection.closed

    def pid(self, connection: Sync) -> int:
        """The server's process."""
        return connection.info.backend_pid

    async def close(self, connection: Sync) -> None:
        """Take leave, which takes no time."""
        connection.close()

    def let_go(self, connection: Sync) -> None:
        """At once."""
        connection.pgconn.finish()

    def cut(self, connection: Sync) -> None:
        """In the middle."""
        _cut(connection)


class SyncPsycopgLender:
    """Lends `psycopg.Connection`. What we ask of it ourselves is asked in threads."""

    def __init__(self, terms: Terms) -> None:
        self._threads = ThreadPoolExecutor(MOST, "pavane-psycopg")
        self._shelf: Shelf[Sync] = Shelf(MOST, SyncPsycopg(terms, self._threads))

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin a transaction, which with this driver its first statement does."""
        connection = await self._shelf.take()
        lent = _SyncLent(connection, self._shelf, self._threads)
        try:
            if not read_only:
                await lent.aside.run(lambda: connection.execute(READ_WRITE))
        except BaseException:
            lent.drop()
            self._shelf.forget()
            raise
        return lent

    async def close(self) -> None:
        """Take leave of the server."""
        await self._shelf.close()
        self._threads.shutdown(wait=False)

    def abandon(self) -> None:
        """Let go of all."""
        self._shelf.abandon()
        self._threads.shutdown(wait=False)

    def pids(self) -> list[int]:
        """For tests."""
        return self._shelf.pids()


class _SyncLent:
    def __init__(self, connection: Sync, shelf: Shelf[Sync], threads: ThreadPoolExecutor) -> None:
        self.connection: Any = connection
        self.aside = Aside(threads)
        self._sync = connection
        self._shelf = shelf
        self._makes = connection.row_factory, connection.cursor_factory

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        def ask() -> Sequence[Sequence[Any]]:
            cursor = psycopg.RawCursor(self._sync, row_factory=tuple_row)
            return cursor.execute(sql.encode(), values).fetchall()

        return await self.aside.run(ask)

    async def flush(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        await self.aside.run(self._commit)
        self._shelf.put_back(self._sync)

    async def roll_back(self) -> None:
        await self.aside.run(self._roll_back)
        self._shelf.put_back(self._sync)

    def _commit(self) -> None:
        self._sync.commit()
        self._clean()

    def _roll_back(self) -> None:
        self._sync.rollback()
        self._clean()

    def _clean(self) -> None:
        self._sync.row_factory, self._sync.cursor_factory = self._makes
        self._sync.autocommit = True
        self._sync.execute(CLEAN)
        self._sync.autocommit = False

    def drop(self) -> None:
        self.aside.afterwards(lambda: self._shelf.drop(self._sync))
