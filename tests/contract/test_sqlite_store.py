"""The SQLite store keeps the promises of a store: with its thread, without, and in memory."""

from pathlib import Path

from pavane.adapters.sqlite.store import SqliteStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import ALONE, DENSE, FULL, StoreContract


class TestSqliteStore(StoreContract):
    features = frozenset({ALONE, DENSE, FULL})

    async def create(self, folder: Path) -> Store:
        return SqliteStore(folder / "pavane.db")

    async def die(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return store.crash()

    async def again(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return SqliteStore(store.path)

    async def fill(self, store: Store) -> None:
        assert isinstance(store, SqliteStore)
        pages = store._connection.execute("PRAGMA page_count").fetchall()[0][0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")

    async def make_room(self, store: Store) -> None:
        assert isinstance(store, SqliteStore)
        store._connection.execute(f"PRAGMA max_page_count = {1 << 30}")


class TestSqliteStoreWithoutThread(TestSqliteStore):
    features = frozenset({ALONE, DENSE, FULL})

    async def create(self, folder: Path) -> Store:
        return SqliteStore(folder / "pavane.db", commit_thread=False, durable=False)


class TestSqliteStoreInMemory(TestSqliteStore):
    features = frozenset({DENSE, FULL})

    async def create(self, folder: Path) -> Store:
        return SqliteStore(":memory:", commit_thread=False)
