"""The results of the ledger in PostgreSQL keep their promises, whatever driver functions use."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import psycopg
import pytest
from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.postgres.shared import SharedResults
from pavane.ports.ledger import Ledger
from pavane.ports.results import HasResults
from pavane.testing.contracts.results import FULL, SHARED, ResultsContract
from pavane.testing.contracts.results.harness import ResultsHarness
from pavane.testing.contracts.results.lending import LendingTests
from tests.postgres import died, fill, make_room


def rows_of(result: Any) -> list[tuple[Any, ...]]:
    """What SQLAlchemy gives, of a statement that gives rows."""
    assert isinstance(result, CursorResult)
    return [tuple(row) for row in result] if result.returns_rows else []


class ByAsyncpg(ResultsHarness):
    """`asyncpg.Connection`."""

    asked: ClassVar[str] = "asyncpg.Connection"
    url: str

    @pytest.fixture(autouse=True)
    def place(self, postgres_schema: str) -> None:
        self.url = postgres_schema

    async def create(self, folder: Path) -> Ledger:
        return PostgresLedger(self.url)

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, PostgresLedger)
        return await died(ledger)

    async def fill(self, ledger: Ledger) -> None:
        await fill(self.url, "pavane_result")

    async def make_room(self, ledger: Ledger) -> None:
        await make_room(self.url, "pavane_result")

    async def sharing(self, ledger: Ledger) -> HasResults:
        return SharedResults(self.url)

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(connection, asyncpg.Connection)
        if sql.startswith("SELECT"):
            return [tuple(row) for row in await connection.fetch(sql)]
        await connection.execute(sql)
        return []

    @asynccontextmanager
    async def part(self, connection: Any) -> AsyncGenerator[None]:
        async with connection.transaction():
            yield


class TestPostgresResults(ByAsyncpg, ResultsContract):
    """Every promise, with the first of the drivers."""

    features = frozenset({FULL, SHARED})


class TestByPsycopg(ByAsyncpg, LendingTests):
    """`psycopg.AsyncConnection`."""

    features = frozenset({SHARED})
    asked = "psycopg.AsyncConnection"

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(connection, psycopg.AsyncConnection)
        cursor = await connection.execute(sql.encode())
        return list(await cursor.fetchall()) if cursor.description else []


class TestByPsycopgInThreads(ByAsyncpg, LendingTests):
    """`psycopg.Connection`."""

    features = frozenset({SHARED})
    asked = "psycopg.Connection"

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(connection, psycopg.Connection)

        def ask() -> list[tuple[Any, ...]]:
            cursor = connection.execute(sql.encode())
            return list(cursor.fetchall()) if cursor.description else []

        return await asyncio.to_thread(ask)

    @asynccontextmanager
    async def part(self, connection: Any) -> AsyncGenerator[None]:
        with connection.transaction():
            yield


class TestBySqlalchemy(ByAsyncpg, LendingTests):
    """`AsyncConnection`, on asyncpg."""

    features = frozenset({SHARED})
    asked = "sqlalchemy.AsyncConnection"

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(connection, AsyncConnection | AsyncSession)
        result = await connection.execute(text(sql))
        return rows_of(result)

    @asynccontextmanager
    async def part(self, connection: Any) -> AsyncGenerator[None]:
        async with connection.begin_nested():
            yield


class TestBySqlalchemySession(TestBySqlalchemy):
    """`AsyncSession`, on psycopg."""

    features = frozenset({SHARED})
    asked = "sqlalchemy.AsyncSession"

    async def create(self, folder: Path) -> Ledger:
        return PostgresLedger(f"{self.url}&driver=psycopg")


class TestBySqlalchemyInThreads(ByAsyncpg, LendingTests):
    """`Session`, and so `Connection`."""

    features = frozenset({SHARED})
    asked = "sqlalchemy.Session"

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        assert isinstance(connection, Session)

        def ask() -> list[tuple[Any, ...]]:
            result = connection.execute(text(sql))
            return rows_of(result)

        return await asyncio.to_thread(ask)

    @asynccontextmanager
    async def part(self, connection: Any) -> AsyncGenerator[None]:
        with connection.begin_nested():
            yield
