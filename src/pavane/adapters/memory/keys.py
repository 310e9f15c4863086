"""Keys in memory: gone with the process, so useful for tests and as the oracle for the others."""

from __future__ import annotations

from collections.abc import Callable

from pavane.ports.keys import StoredKey


class MemoryKeys:
    """The keys of a memory store. `check` refuses while that is not open, `marked` is told."""

    def __init__(self, check: Callable[[], None], marked: Callable[[], None]) -> None:
        self._check = check
        self._marked = marked
        self._by_id: dict[str, StoredKey] = {}

    def moved(self, check: Callable[[], None], marked: Callable[[], None]) -> MemoryKeys:
        """The same keys under another store."""
        new = MemoryKeys(check, marked)
        new._by_id = self._by_id
        return new

    async def all(self) -> list[StoredKey]:
        """Every key, by id."""
        self._check()
        return [self._by_id[key_id] for key_id in sorted(self._by_id)]

    async def add(self, key: StoredKey) -> bool:
        """Keep a key; False where its id or its name is taken."""
        self._check()
        if any(key.id == each.id or key.name == each.name for each in self._by_id.values()):
            return False
        self._by_id[key.id] = key
        self._marked()
        return True

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False where there is none."""
        self._check()
        self._marked()
        return self._by_id.pop(key_id, None) is not None
