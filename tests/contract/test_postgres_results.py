"""The results of the ledger in PostgreSQL keep their promises, whatever driver functions use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import pytest

from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.postgres.shared import SharedResults
from pavane.ports.ledger import Ledger
from pavane.ports.results import HasResults
from pavane.testing.contracts.results import FULL, SHARED, ResultsContract
from tests.postgres import died, fill, make_room


class TestPostgresResults(ResultsContract):
    """`asyncpg.Connection`."""

    features = frozenset({FULL, SHARED})
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
