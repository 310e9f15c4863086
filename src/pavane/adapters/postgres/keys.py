"""Keys in the store's own database: a table beside the executions."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, cast

from pavane.adapters.postgres import queries as q
from pavane.core.model.access import Role
from pavane.ports.keys import StoredKey


class Fetch(Protocol):
    """The store's way to its tables: a statement that is a transaction by itself, and its rows."""

    def __call__(self, sql: str, /, *values: object) -> Awaitable[list[Any]]: ...


class PostgresKeys:
    """The keys of a PostgreSQL store; one statement each."""

    def __init__(self, read: Fetch, write: Fetch) -> None:
        self._read = read
        self._write = write

    async def all(self) -> list[StoredKey]:
        """Every key, by id."""
        return [
            StoredKey(id, name, cast("tuple[Role, ...]", tuple(roles.split(","))), *rest)
            for id, name, roles, *rest in await self._read(q.KEYS)
        ]

    async def add(self, key: StoredKey) -> bool:
        """Keep a key; False where its id or its name is taken."""
        roles = ",".join(key.roles)
        row = (key.id, key.name, roles, key.digest, key.created_at, key.expires_at)
        return bool(await self._write(q.ADD_KEY, *row))

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False where there is none."""
        return bool(await self._write(q.REMOVE_KEY, key_id))
