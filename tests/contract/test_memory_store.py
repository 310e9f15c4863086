"""The memory store keeps the promises of a store."""

from pathlib import Path

from pavane.adapters.memory.store import MemoryStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import DENSE, FULL, SHARED, StoreContract


class TestMemoryStore(StoreContract):
    features = frozenset({DENSE, FULL})

    async def create(self, folder: Path) -> Store:
        return MemoryStore()

    async def die(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.crash()

    async def fill(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store.full = True

    async def make_room(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store.full = False


class TestSharedMemoryStore(TestMemoryStore):
    features = frozenset({DENSE, FULL, SHARED})

    async def create(self, folder: Path) -> Store:
        return MemoryStore(shared=True)

    async def beside(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.beside()
