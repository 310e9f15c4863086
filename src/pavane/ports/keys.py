"""Keys: who may come in at the doors. Kept beside the executions, by the same store.

Promises (each is watched by the contract suite of stores, and by one keeper that breaks it):

1. whole: `all` gives each key as it was added, in the order of their ids.
2. single: a key whose id or name is taken is not added, and what stood there stays.
3. durable: when `add` or `remove` returns, it holds after the loss of power too.
4. gone: a removed key is not found again, and its name is free.

A secret never comes here: `digest` is all that is kept of it.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from pavane.core.model.access import Role


class StoredKey(msgspec.Struct, frozen=True):
    """A key as it is kept. Times are epoch milliseconds; `expires_at` 0 is never."""

    id: str
    name: str
    roles: tuple[Role, ...]
    digest: bytes  # SHA-256 of the secret
    created_at: int
    expires_at: int = 0


class Keys(Protocol):
    """The keys of a store. See the module for the promises."""

    async def all(self) -> list[StoredKey]:
        """Every key, by id."""
        ...

    async def add(self, key: StoredKey) -> bool:
        """Keep a key; False where its id or its name is taken."""
        ...

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False where there is none."""
        ...
