"""`db: asyncpg.Connection`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]  # it has none; see Connection

from pavane.adapters.postgres.connection import CONNECT_S, Connection
from pavane.adapters.postgres.lent.shelf import Shelf
from pavane.adapters.postgres.lent.terms import CLEAN, MOST, READ_WRITE, Lent, Terms

NAME: Final = "asyncpg.Connection"


async def connect(terms: Terms) -> Any:
    """A session on these terms. Raises what the driver raises."""
    options = {"timeout": CONNECT_S, "server_settings": terms.settings}
    return await cast(Any, asyncpg).connect(terms.place.dsn, **options)


class Asyncpg:
    """How it connects and closes."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def connect(self) -> Connection:
        """A session on these terms."""
        return await connect(self._terms)

    def is_closed(self, connection: Connection) -> bool:
        """Whether it is known to be lost."""
        return connection.is_closed()

    def pid(self, connection: Connection) -> int:
        """The server's process."""
        return connection.get_server_pid()

    async def close(self, connection: Connection) -> None:
        """Take leave."""
        await connection.close()

    def let_go(self, connection: Connection) -> None:
        """At once."""
        connection.terminate()

    def cut(self, connection: Connection) -> None:
        """In the middle."""
        connection.terminate()


class AsyncpgLender:
    """Lends connections of this kind."""

    def __init__(self, terms: Terms) -> None:
        self._shelf: Shelf[Connection] = Shelf(MOST, Asyncpg(terms))

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin a transaction."""
        connection = await self._shelf.take()
        try:
            begun = cast(Any, connection).transaction(readonly=read_only)
            await begun.start()
            if not read_only:
                await connection.execute(READ_WRITE)
        except BaseException:
            self._shelf.drop(connection)
            self._shelf.forget()
            raise
        return _Lent(connection, begun, self._shelf)

    async def close(self) -> None:
        """Take leave of the server."""
        await self._shelf.close()

    def abandon(self) -> None:
        """Let go of all."""
        self._shelf.abandon()

    def pids(self) -> list[int]:
        """For tests."""
        return self._shelf.pids()


class _Lent:
    def __init__(self, connection: Connection, begun: Any, shelf: Shelf[Connection]) -> None:
        self.connection: Any = connection
        self._begun = begun  # the driver's, so that the function's own are savepoints in it
        self._shelf = shelf

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        return await self.connection.fetch(sql, *values)

    async def flush(self) -> None:
        """Nothing is kept back."""

    async def commit(self) -> None:
        await self._begun.commit()
        await self._put_back()

    async def roll_back(self) -> None:
        await self._begun.rollback()
        await self._put_back()

    async def _put_back(self) -> None:
        await self.connection.execute(CLEAN)
        self._shelf.put_back(self.connection)

    def drop(self) -> None:
        self._shelf.drop(self.connection)
