"""Keys in the store's own file: a table beside the executions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

from pavane.core.model.access import Role
from pavane.ports.keys import StoredKey

ALL: Final = "SELECT id, name, roles, digest, created_at, expires_at FROM access_key ORDER BY id"
"""Every key, by id."""

ADD: Final = (
    "INSERT INTO access_key (id, name, roles, digest, created_at, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
"""A key, unless its id or its name is taken."""

REMOVE: Final = "DELETE FROM access_key WHERE id = ?"
"""One key less."""

Read = Callable[[str], Awaitable[list[tuple[Any, ...]]]]
Write = Callable[[str, Sequence[object]], Awaitable[int]]


class SqliteKeys:
    """The keys of a SQLite store; reads and writes are the store's, one statement each."""

    def __init__(self, read: Read, write: Write) -> None:
        self._read = read
        self._write = write

    async def all(self) -> list[StoredKey]:
        """Every key, by id."""
        return [
            StoredKey(id, name, cast("tuple[Role, ...]", tuple(roles.split(","))), *rest)
            for id, name, roles, *rest in await self._read(ALL)
        ]

    async def add(self, key: StoredKey) -> bool:
        """Keep a key; False where its id or its name is taken."""
        roles = ",".join(key.roles)
        row = (key.id, key.name, roles, key.digest, key.created_at, key.expires_at)
        return await self._write(ADD, row) > 0

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False where there is none."""
        return await self._write(REMOVE, (key_id,)) > 0
