"""`db: AsyncSession` and `AsyncConnection` of SQLAlchemy; `Session` and `Connection` in threads.

What a session commits and rolls back is a savepoint in the transaction that is lent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from pavane.adapters.postgres.lent.by_asyncpg import Asyncpg
from pavane.adapters.postgres.lent.shelf import Driver
from pavane.adapters.postgres.lent.terms import CLEAN, MOST, READ_WRITE, Lent, Terms
from pavane.adapters.postgres.lent.threads import Aside
from pavane.errors import StoreError

SAVEPOINT: Final = "create_savepoint"
_PLACE = re.compile(r"\$\d+")


class Raw:
    """The driver's connections behind an engine."""

    def __init__(self, driver: Driver[Any]) -> None:
        self.driver = driver
        self._made: list[Any] = []

    async def made(self) -> Any:
        """A new one, for the engine."""
        return self.note(await self.driver.connect())

    def note(self, connection: Any) -> Any:
        """Remember that it is there."""
        self._made = [each for each in self._made if not self.driver.is_closed(each)]
        self._made.append(connection)
        return connection

    def pids(self) -> list[int]:
        """The server's processes. For tests."""
        return [self.driver.pid(each) for each in self._made if not self.driver.is_closed(each)]

    def abandon(self) -> None:
        """Let go of all at once."""
        for each in self._made:
            self.driver.cut(each)


class AsyncLender:
    """Lends an `AsyncConnection`, or an `AsyncSession` on one."""

    def __init__(self, terms: Terms, *, sessions: bool) -> None:
        self._sessions = sessions
        if terms.place.driver == "psycopg":
            from pavane.adapters.postgres.lent.by_psycopg import AsyncPsycopg

            self._raw = Raw(AsyncPsycopg(terms))
        else:
            self._raw = Raw(Asyncpg(terms))
        self._engine: AsyncEngine = create_async_engine(
            f"postgresql+{terms.place.driver}://",
            async_creator=self._raw.made,
            pool_size=MOST,
            max_overflow=0,
        )
        self._places = asyncio.Semaphore(MOST)
        self._is_over = False

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin a transaction."""
        await self._places.acquire()
        try:
            if self._is_over:
                raise StoreError("The PostgreSQL ledger is closed.", "Open it.")
            connection = await self._engine.connect()
        except BaseException:
            self._places.release()
            raise
        lent = _AsyncLent(connection, self._raw, self._places.release, sessions=self._sessions)
        try:
            await lent.begin(read_only)
        except BaseException:
            lent.drop()
            raise
        return lent

    async def close(self) -> None:
        """Take leave of the server."""
        self._is_over = True
        await self._engine.dispose()
        self._raw.abandon()

    def abandon(self) -> None:
        """Let go of all."""
        self._is_over = True
        self._raw.abandon()

    def pids(self) -> list[int]:
        """For tests."""
        return self._raw.pids()


class _AsyncLent:
    def __init__(
        self,
        connection: AsyncConnection,
        raw: Raw,
        release: Callable[[], None],
        *,
        sessions: bool,
    ) -> None:
        self.connection: Any = connection
        self._under = connection
        self._raw = raw
        self._release = release
        self._session: AsyncSession | None = None
        self._driven: Any = None
        self._dropping: asyncio.Future[None] | None = None
        if sessions:
            self.connection = self._session = AsyncSession(
                connection, join_transaction_mode=SAVEPOINT
            )

    async def begin(self, read_only: bool) -> None:
        """The transaction."""
        self._driven = (await self._under.get_raw_connection()).driver_connection
        await self._under.begin()
        if not read_only:
            await self._under.exec_driver_sql(READ_WRITE)

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        ask = sql if self._under.dialect.driver == "asyncpg" else _PLACE.sub("%s", sql)
        return (await self._under.exec_driver_sql(ask, values)).all()

    async def flush(self) -> None:
        if self._session is not None:
            await self._session.commit()

    async def commit(self) -> None:
        await self._under.commit()
        await self._put_back()

    async def roll_back(self) -> None:
        if self._session is not None:
            await self._session.close()
        await self._under.rollback()
        await self._put_back()

    async def _put_back(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._under.dialect.driver == "asyncpg":
            await self._driven.execute(CLEAN)
        else:
            await self._driven.set_autocommit(True)
            await self._driven.execute(CLEAN)
            await self._driven.set_autocommit(False)
        await self._under.close()
        self._release()

    def drop(self) -> None:
        if self._driven is not None:
            self._raw.driver.let_go(self._driven)
        self._dropping = asyncio.ensure_future(self._tidy())

    async def _tidy(self) -> None:
        """The pool has to hear of it."""
        with suppress(Exception):  # there is nobody any more at the other end
            await self._under.invalidate()
        with suppress(Exception):
            await self._under.close()
        self._release()


class SyncLender:
    """Lends a `Connection`, or a `Session` on one. What we ask of it is asked in threads."""

    def __init__(self, terms: Terms, *, sessions: bool) -> None:
        from pavane.adapters.postgres.lent.by_psycopg import SyncPsycopg

        self._sessions = sessions
        self._threads = ThreadPoolExecutor(MOST, "pavane-sqlalchemy")
        driver = SyncPsycopg(terms, self._threads)
        self._raw = Raw(driver)
        self._engine: Engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._raw.note(driver.connect_here()),
            pool_size=MOST,
            max_overflow=0,
        )
        self._places = asyncio.Semaphore(MOST)
        self._is_over = False

    async def lend(self, *, read_only: bool) -> Lent:
        """Begin a transaction."""
        await self._places.acquire()
        if self._is_over:
            self._places.release()
            raise StoreError("The PostgreSQL ledger is closed.", "Open it.")
        lent = _SyncLent(
            self._raw, self._places.release, Aside(self._threads), sessions=self._sessions
        )
        try:
            await lent.aside.run(lambda: lent.begin(self._engine, read_only))
        except BaseException:
            lent.drop()
            raise
        return lent

    async def close(self) -> None:
        """Take leave of the server."""
        self._is_over = True
        self._engine.dispose()
        self.abandon()

    def abandon(self) -> None:
        """Let go of all."""
        self._is_over = True
        self._raw.abandon()
        self._threads.shutdown(wait=False)

    def pids(self) -> list[int]:
        """For tests."""
        return self._raw.pids()


class _SyncLent:
    def __init__(
        self, raw: Raw, release: Callable[[], None], aside: Aside, *, sessions: bool
    ) -> None:
        self.connection: Any = None
        self.aside = aside
        self._raw = raw
        self._release = release
        self._sessions = sessions
        self._session: Session | None = None
        self._under: Connection | None = None
        self._driven: Any = None

    def begin(self, engine: Engine, read_only: bool) -> None:
        """The transaction; in a thread."""
        self._under = self.connection = engine.connect()
        self._driven = self._under.connection.driver_connection
        self._under.begin()
        if not read_only:
            self._under.exec_driver_sql(READ_WRITE)
        if self._sessions:
            self.connection = self._session = Session(self._under, join_transaction_mode=SAVEPOINT)

    @property
    def _begun(self) -> Connection:
        assert self._under is not None
        return self._under

    async def call(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        ask = _PLACE.sub("%s", sql)
        return await self.aside.run(lambda: self._begun.exec_driver_sql(ask, values).all())

    async def flush(self) -> None:
        if self._session is not None:
            await self.aside.run(self._session.commit)

    async def commit(self) -> None:
        await self.aside.run(lambda: (self._begun.commit(), self._clean()))
        self._release()

    async def roll_back(self) -> None:
        await self.aside.run(self._roll_back)
        self._release()

    def _roll_back(self) -> None:
        if self._session is not None:
            self._session.close()
        self._begun.rollback()
        self._clean()

    def _clean(self) -> None:
        if self._session is not None:
            self._session.close()
        self._driven.autocommit = True
        self._driven.execute(CLEAN)
        self._driven.autocommit = False
        self._begun.close()

    def drop(self) -> None:
        self.aside.afterwards(self._let_go)

    def _let_go(self) -> None:
        if self._driven is not None:
            self._raw.driver.let_go(self._driven)
        if self._under is not None:
            with suppress(Exception):  # there is nobody any more at the other end
                self._under.invalidate()
            with suppress(Exception):
                self._under.close()
        self._release()
