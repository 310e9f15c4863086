"""How many executions run at once, over REST: Conductor's clients, ours, and the page."""

from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx2
import pytest

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.doors.dashboard.routes import ROUTES
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.errors import LimitReachedError
from pavane.sdk.client import Client

pytestmark = pytest.mark.anyio

STEP = {"name": "lift", "taskReferenceName": "lift", "type": "SIMPLE"}
LIMIT = {"rateLimitKey": "${workflow.input.house}", "concurrentExecLimit": 1}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine(SqliteStore(":memory:")) as engine:
        yield engine


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(
        app=build_app(engine, pages=ROUTES), raise_app_exceptions=False
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def register(client: httpx2.AsyncClient, **limit: Any) -> None:
    body = {"name": "lifting", "version": 1, "tasks": [STEP], "ownerEmail": "a@b.c"}
    body["rateLimitConfig"] = {**LIMIT, **limit}
    registered = await client.post("/api/metadata/workflow", json=body)
    assert registered.status_code == 200, registered.text


async def start(client: httpx2.AsyncClient, house: str, **more: Any) -> httpx2.Response:
    body = {"name": "lifting", "input": {"house": house}, **more}
    return await client.post("/api/workflow", json=body)


async def work(client: httpx2.AsyncClient) -> list[str]:
    """Take what there is, and report it as done; whose it was."""
    polled = await client.get("/api/tasks/poll/batch/lift", params={"count": 9, "timeout": 200})
    given = polled.json() if polled.content else []
    for task in given:
        result = {key: task[key] for key in ("workflowInstanceId", "taskId")}
        done = await client.post("/api/tasks", json={**result, "status": "COMPLETED"})
        assert done.status_code == 200
    return [task["workflowInstanceId"] for task in given]


async def one(client: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    return (await client.get(f"/api/workflow/{id}")).json()


async def test_one_more_waits_and_every_door_says_so(client: httpx2.AsyncClient):
    await register(client)
    ids = [(await start(client, house)).text for house in ("Rose", "Rose", "Lily")]
    seen = [await one(client, id) for id in ids]
    assert [each["status"] for each in seen] == ["RUNNING"] * 3
    assert [each["rateLimited"] for each in seen] == [False, True, False]
    assert [len(each["tasks"]) for each in seen] == [1, 0, 1]
    assert seen[1]["workflowDefinition"]["rateLimitConfig"] == {**LIMIT, "policy": "QUEUE"}
    assert (await client.get("/api/tasks/queue/all")).json() == {"lift": 2}

    native = (await client.get(f"/v1/executions/{ids[1]}")).json()
    assert (native["status"], native["steps"]) == ("RUNNING", [])
    assert native["waits"] == '1 of lifting for house "Rose" runs already'
    page = (await client.get(f"/executions/{ids[1]}")).text
    assert unescape(page).count('1 of lifting for house "Rose" runs already') == 1

    assert sorted(await work(client)) == sorted([ids[0], ids[2]])
    assert await work(client) == [ids[1]]
    seen = [await one(client, id) for id in ids]
    assert [each["status"] for each in seen] == ["COMPLETED"] * 3
    assert [each["rateLimited"] for each in seen] == [False] * 3


async def test_one_that_waits_is_cancelled(client: httpx2.AsyncClient):
    await register(client)
    first, second, third = [(await start(client, "Rose")).text for _ in range(3)]
    assert (await client.delete(f"/api/workflow/{second}")).status_code == 200
    assert (await one(client, second))["status"] == "TERMINATED"
    assert await work(client) == [first] and await work(client) == [third]


async def test_a_refusal_in_conductor_s_shape_and_in_ours(client: httpx2.AsyncClient):
    await register(client, policy="REJECT")
    id = (await start(client, "Rose")).text
    words = '1 of lifting for house "Rose" runs already, and no more may at once.'

    refused = await start(client, "Rose", idempotencyKey="k")
    assert refused.status_code == 429
    body = refused.json()
    assert (body["status"], body["code"]) == (429, "limit-reached")
    assert body["message"].startswith(words)

    native = {"input": {"house": "Rose"}, "key": "k"}
    refused = await client.post("/v1/workflows/lifting/executions", json=native)
    assert refused.status_code == 429
    body = refused.json()
    assert (body["code"], body["detail"]) == ("limit-reached", words)
    assert body["remedy"] == "Start it again when one of them has ended."

    assert await work(client) == [id]
    again = await start(client, "Rose", idempotencyKey="k")
    assert again.status_code == 200 and again.text != id


async def test_our_client_raises_the_error_itself(client: httpx2.AsyncClient, engine: Engine):
    await register(client, policy="REJECT")
    await start(client, "Rose")
    pavane = Client.embedded(engine)
    with pytest.raises(LimitReachedError):
        await pavane.start("lifting", input={"house": "Rose"})
