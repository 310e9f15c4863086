"""Connections that are not in use, of any driver; what was lost is replaced when it is needed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from pavane.errors import StoreError

_CLOSE_S: Final = 2.0

C = TypeVar("C")


class Driver(Protocol[C]):
    """What a shelf needs to know of connections."""

    async def connect(self) -> C:
        """A new one."""
        ...

    def is_closed(self, connection: C) -> bool:
        """Whether it is known to be of no use any more."""
        ...

    def pid(self, connection: C) -> int:
        """The server's process behind it."""
        ...

    async def close(self, connection: C) -> None:
        """Take leave of the server."""
        ...

    def let_go(self, connection: C) -> None:
        """Close it without a word and without waiting. Nobody is in the middle of using it."""
        ...

    def cut(self, connection: C) -> None:
        """Break it off in the middle: the server hears nothing more, and whoever uses it fails."""
        ...


class Shelf(Generic[C]):
    """At most `most` connections, lent first come, first served."""

    def __init__(self, most: int, driver: Driver[C]) -> None:
        self._places = asyncio.Semaphore(most)
        self._driver = driver
        self._idle: list[C] = []
        self._all: list[C] = []
        self._is_over = False

    async def take(self) -> C:
        """A connection, the caller's until it is put back or dropped; errors are the driver's."""
        await self._places.acquire()
        try:
            if self._is_over:
                raise StoreError("The PostgreSQL ledger is closed.", "Open it.")
            while self._idle:
                connection = self._idle.pop()
                if not self._driver.is_closed(connection):
                    return connection
                self._all.remove(connection)
            connecting = asyncio.ensure_future(self._connected())
        except BaseException:
            self._places.release()
            raise
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:  # a connection that is broken off half-way makes noise
            connecting.add_done_callback(self._come)
            raise
        except BaseException:
            self._places.release()
            raise

    async def _connected(self) -> C:
        connection = await self._driver.connect()
        self._all.append(connection)
        return connection

    def _come(self, connecting: asyncio.Future[C]) -> None:
        """Nobody waits for it any more."""
        if connecting.cancelled() or connecting.exception() is not None:
            self._places.release()
        else:
            self.put_back(connecting.result())

    def put_back(self, connection: C) -> None:
        """It is in no transaction, and as it was when it was new."""
        if self._is_over:
            self._let_go(connection)
        else:
            self._idle.append(connection)
        self._places.release()

    def drop(self, connection: C) -> None:
        """Nobody knows what it is in the middle of."""
        self._let_go(connection)
        self._places.release()

    def _let_go(self, connection: C) -> None:
        if connection in self._all:
            self._all.remove(connection)
        self._driver.let_go(connection)

    def forget(self) -> None:
        """Let go of those that are idle: the server was gone, and they are with it."""
        while self._idle:
            self._let_go(self._idle.pop())

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return [self._driver.pid(each) for each in self._all if not self._driver.is_closed(each)]

    def abandon(self) -> None:
        """Let go of all at once, as a process that dies."""
        self._is_over = True
        for connection in self._all:
            self._driver.cut(connection)
        self._all.clear()
        self._idle.clear()

    async def close(self) -> None:
        """Take leave of the server, where it still answers; what is lent is let go of."""
        idle, self._idle = self._idle, []
        for connection in idle:
            self._all.remove(connection)
            with suppress(Exception):  # it may be gone
                async with asyncio.timeout(_CLOSE_S):
                    await self._driver.close(connection)
        self.abandon()
