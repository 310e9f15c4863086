"""The PostgreSQL store keeps the promises of a store."""

import time
from pathlib import Path

import pytest

from pavane.adapters.postgres.store import PostgresStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import FULL, SHARED, StoreContract
from pavane.testing.contracts.store.harness import StoreHarness, opened
from pavane.testing.contracts.store.past import PastTests
from pavane.testing.contracts.store.reading import ReadingTests
from pavane.testing.contracts.store.views import ViewTests
from pavane.testing.contracts.store.writing import WritingTests
from tests.postgres import died, fill, make_room


class OnPostgres(StoreHarness):
    """How the suite has a store in a schema of the test's own."""

    url: str

    @pytest.fixture(autouse=True)
    def place(self, postgres_schema: str) -> None:
        self.url = postgres_schema

    async def create(self, folder: Path) -> Store:
        return PostgresStore(self.url)

    async def die(self, store: Store) -> Store:
        assert isinstance(store, PostgresStore)
        return await died(store)

    async def beside(self, store: Store) -> Store:
        return PostgresStore(self.url)

    async def fill(self, store: Store) -> None:
        await fill(self.url)

    async def make_room(self, store: Store) -> None:
        await make_room(self.url)


class TestPostgresStore(OnPostgres, StoreContract):
    features = frozenset({FULL, SHARED})


class TestPostgresStoreInSpans(OnPostgres, WritingTests, ReadingTests, ViewTests, PastTests):
    """Its tables are partitioned by time, which the other promises have nothing to do with."""

    features = frozenset({FULL, SHARED})

    async def create(self, folder: Path) -> Store:
        async with opened(PostgresStore(self.url)) as store:
            await store.past.prepare(int(time.time() * 1000), 14 * 86_400_000)
        return PostgresStore(self.url)
