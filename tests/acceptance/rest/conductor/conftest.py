"""An engine on the memory store behind the application, and a client that speaks plain HTTP."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from tests.acceptance.rest.conductor.talk import BOOKING, TASKS, Talk


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine(MemoryStore()) as engine:
        yield engine


@pytest.fixture
async def talk(engine: Engine) -> AsyncIterator[Talk]:
    """With the workflow `booking` and its tasks registered."""
    transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here/api") as client:
        talk = Talk(client)
        assert (await client.post("/metadata/taskdefs", json=TASKS)).status_code == 200
        assert (await client.post("/metadata/workflow", json=BOOKING)).status_code == 200
        yield talk
