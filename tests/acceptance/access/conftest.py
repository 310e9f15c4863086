"""A locked application over the memory store, its keys, and clients that show them."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx2
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.core.model.access import ROLES
from pavane.doors.rest.access.lock import Lock
from pavane.doors.site import build_site
from pavane.engine.keyring import Keyring

ORIGIN = "http://here"


class Clock:
    """A clock that is set."""

    at = 1_000_000

    def now(self) -> int:
        return self.at


@dataclass
class Locked:
    """A locked application and a key of each role."""

    app: Lock
    keyring: Keyring
    clock: Clock
    keys: dict[str, str]
    client: Callable[..., httpx2.AsyncClient]


def client_of(app: Lock, key: str = "", **headers: str) -> httpx2.AsyncClient:
    """A client of an application in this process."""
    if key:
        headers["authorization"] = f"Bearer {key}"
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)


@pytest.fixture
async def locked() -> AsyncIterator[Locked]:
    async with running_engine(MemoryStore()) as engine:
        clock = Clock()
        keyring = Keyring(engine.store.keys, clock, random.Random(3))
        await keyring.load()
        keys = {role: (await keyring.add(f"the-{role}", [role]))[1] for role in ROLES}
        app = build_site(engine, keyring=keyring)
        yield Locked(
            app, keyring, clock, keys, lambda key="", **headers: client_of(app, key, **headers)
        )


@pytest.fixture
async def unlocked() -> AsyncIterator[Lock]:
    async with running_engine(MemoryStore()) as engine:
        yield build_site(engine)
