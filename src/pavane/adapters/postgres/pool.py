"""A few connections that are lent one at a time; what was lost is replaced when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from pavane.adapters.postgres.connection import (
    STATEMENT_S,
    Connection,
    connect,
    is_gone,
    state_of,
    translate,
)
from pavane.adapters.postgres.place import Place
from pavane.errors import PavaneError, StoreError

PATIENCE_S: Final = 10.0
"""How long a read tries to reach a server that is gone, before it fails."""

_PAUSE_S: Final = (0.05, 1.0)  # between tries: the first, and the longest
_CLOSE_S: Final = 2.0

T = TypeVar("T")


class Pool:
    """At most `most` connections; `prepare` is awaited with each new one."""

    def __init__(
        self,
        place: Place,
        most: int,
        prepare: Callable[[Connection], Awaitable[None]] | None = None,
        *,
        statement_s: float = STATEMENT_S,
    ) -> None:
        self._place = place
        self._places = asyncio.Semaphore(most)
        self._prepare = prepare
        self._statement_s = statement_s
        self._is_over = False
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()

    async def take(self) -> Connection:
        """A connection, the caller's until it comes back; errors are the driver's."""
        await self._places.acquire()
        try:
            if self._is_over:
                raise StoreError(f"The PostgreSQL database {self._place} is closed.", "Open it.")
            return await self._found()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """It is in no transaction and in the middle of nothing."""
        self._idle.append(connection)
        self._places.release()

    def drop(self, connection: Connection) -> None:
        """Nobody knows what it is in the middle of."""
        self._let_go(connection)
        self._places.release()

    def take_back(self, connection: Connection, error: BaseException) -> None:
        """It is dropped, unless the error is the server's answer and the connection is idle."""
        answered = state_of(error) and not is_gone(error)
        if answered and not connection.is_closed() and not connection.is_in_transaction():
            self.give_back(connection)
        else:
            self.drop(connection)
        if is_gone(error):  # and so will be the others
            self.forget()

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Connection]:
        """A connection for as long as the context lasts; errors are the driver's."""
        connection = await self.take()
        try:
            yield connection
        except BaseException as error:
            self.take_back(connection, error)
            raise
        self.give_back(connection)

    async def run(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """What `use` gives; again with another connection where the server was gone. PavaneError.

        Only for what may be done twice.
        """
        pauses = Pauses(PATIENCE_S)
        while True:
            try:
                async with self.lent() as connection:
                    return await use(connection)
            except PavaneError:
                raise
            except Exception as error:  # translated below, or tried again
                if not is_gone(error) or not await pauses.wait():
                    raise translate(error, self._place) from error

    async def _found(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._all.discard(connection)
        connection = await connect(self._place, self._statement_s)
        self._all.add(connection)
        if self._prepare is not None:
            try:
                await self._prepare(connection)
            except BaseException:
                self._let_go(connection)
                raise
        return connection

    def _let_go(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.terminate()

    def forget(self) -> None:
        """Let go of those that are idle, without a word to the server."""
        while self._idle:
            self._let_go(self._idle.pop())

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return [each.get_server_pid() for each in self._all if not each.is_closed()]

    def abandon(self) -> None:
        """Let go of all at once, as a process that dies."""
        self._is_over = True
        for connection in list(self._all):
            self._let_go(connection)
        self._idle.clear()

    async def close(self) -> None:
        """Take leave of the server, where it still answers; what is lent is let go of."""
        idle, self._idle = self._idle, []
        for connection in idle:
            self._all.discard(connection)
            with suppress(Exception):  # it may be gone
                async with asyncio.timeout(_CLOSE_S):
                    await connection.close()
        self.abandon()


class Pauses:
    """Waits between tries, longer each time, until a time is up."""

    def __init__(self, patience_s: float) -> None:
        self._until = asyncio.get_running_loop().time() + patience_s
        self._next_s = _PAUSE_S[0]

    async def wait(self) -> bool:
        """Wait before another try; False when the time is up."""
        if asyncio.get_running_loop().time() >= self._until:
            return False
        await asyncio.sleep(self._next_s)
        self._next_s = min(2 * self._next_s, _PAUSE_S[1])
        return True
