"""Keepers of keys that break one promise each, and are right otherwise."""

from dataclasses import dataclass

from msgspec import structs

from pavane.adapters.memory.keys import MemoryKeys
from pavane.adapters.memory.store import MemoryStore
from pavane.ports.keys import StoredKey


@dataclass
class With:
    """A store with keys of this kind."""

    kind: type[MemoryKeys]

    def build(self) -> MemoryStore:
        store = MemoryStore()
        store.keys = self.kind(store._check_open, store._marked)
        return store


class Eternal(MemoryKeys):
    """1, whole: forgets when a key expires."""

    async def all(self) -> list[StoredKey]:
        return [structs.replace(each, expires_at=0) for each in await super().all()]


class Namesakes(MemoryKeys):
    """2, single: looks at ids alone."""

    async def add(self, key: StoredKey) -> bool:
        if key.id in self._by_id:
            return False
        self._by_id[key.id] = key
        return True


class Replacing(MemoryKeys):
    """2, single: the last one with an id wins."""

    async def add(self, key: StoredKey) -> bool:
        self._by_id.pop(key.id, None)
        return await super().add(key)


class Forgetful(MemoryKeys):
    """3, durable: a removed key is there again after a crash."""

    def moved(self, check, marked) -> MemoryKeys:
        new = super().moved(check, marked)
        new._by_id |= self.removed
        return new

    @property
    def removed(self) -> dict[str, StoredKey]:
        return self.__dict__.setdefault("_removed", {})

    async def remove(self, key_id: str) -> bool:
        if key_id in self._by_id:
            self.removed[key_id] = self._by_id[key_id]
        return await super().remove(key_id)


class Squatting(MemoryKeys):
    """4, gone: a name stays taken."""

    names: frozenset[str] = frozenset()

    async def add(self, key: StoredKey) -> bool:
        if key.name in self.names:
            return False
        self.names |= {key.name}
        return await super().add(key)
