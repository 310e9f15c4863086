"""The keys of a store: of one that an engine has open, or of one that is opened for them alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pavane.bootstrap.opening import SystemClock, chance, open_store

if TYPE_CHECKING:
    from pavane.engine.keyring import Keyring
    from pavane.ports.store import Store


async def keyring_of(store: Store) -> Keyring:
    """The keys of a store that is open, read."""
    from pavane.engine.keyring import Keyring

    keyring = Keyring(store.keys, SystemClock(), chance())
    await keyring.load()
    return keyring


@asynccontextmanager
async def keyring_in(store_url: str, *, read_only: bool = False) -> AsyncGenerator[Keyring]:
    """The keys of a store that nobody else has open; `read_only` also beside a server."""
    store = open_store(store_url, read_only=read_only)
    await store.open()
    try:
        yield await keyring_of(store)
    finally:
        await store.close()
