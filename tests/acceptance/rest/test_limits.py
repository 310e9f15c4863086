"""Limits of tasks in JSON: workers that exchange and Conductor's polls share the places."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine

pytestmark = pytest.mark.anyio

STEP = {"name": "lift", "taskReferenceName": "lift", "type": "SIMPLE"}
LIFTING = {"name": "lifting", "version": 1, "tasks": [STEP]}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running_engine(SqliteStore(":memory:")) as engine:
        yield engine


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def begin(client: httpx2.AsyncClient, count: int, **limits: Any) -> list[str]:
    task = {"name": "lift", "retryCount": 0, "ownerEmail": "a@b.c", **limits}
    registered = await client.post("/api/metadata/taskdefs", json=[task])
    assert registered.status_code == 200, registered.text
    assert (await client.post("/v1/workflows", json=LIFTING)).status_code == 201
    ids: list[str] = []
    for _ in range(count):
        started = await client.post("/v1/workflows/lifting/executions", json={"input": {}})
        ids.append(started.json()["id"])
    return ids


async def taken(client: httpx2.AsyncClient, worker: str, **more: Any) -> list[Any]:
    body = {"worker": worker, "tasks": ["lift"], "limit": 10, **more}
    return (await client.post("/v1/exchange", json=body)).json().get("work", [])


async def polled(client: httpx2.AsyncClient) -> list[Any]:
    asked = {"count": 10, "timeout": 20, "workerid": "c"}
    response = await client.get("/api/tasks/poll/batch/lift", params=asked)
    return response.json() if response.content else []


async def waits(client: httpx2.AsyncClient, ids: list[str]) -> list[str]:
    views = [(await client.get(f"/v1/executions/{id}")).json() for id in ids]
    return [view["steps"][0]["waits"] for view in views]


async def test_both_kinds_of_workers_share_the_places(client: httpx2.AsyncClient):
    ids = await begin(client, 5, concurrentExecLimit=3)
    first = await taken(client, "w", limit=2)
    second = await polled(client)
    assert (len(first), len(second)) == (2, 1)
    assert await taken(client, "x") == [] and await polled(client) == []
    said = await waits(client, ids)
    assert said.count("") == 3 and said.count("3 of lift run already") == 2

    waiting = asyncio.create_task(taken(client, "x", waitMs=20_000))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    (one,) = second
    done = {"workflowInstanceId": one["workflowInstanceId"], "taskId": one["taskId"]}
    await client.post("/api/tasks", json={**done, "status": "COMPLETED", "workerId": "c"})
    assert len(await waiting) == 1, "whoever waits is told that there is a place"
    place = {"executionId": first[0]["executionId"], "ref": "lift"}
    assert len(await taken(client, "w", reports=[place])) == 1, "and takes it with its own report"
    assert await waits(client, ids) == [""] * 5


async def test_no_more_begin_than_the_rate_says(client: httpx2.AsyncClient):
    ids = await begin(client, 4, rateLimitPerFrequency=2, rateLimitFrequencyInSeconds=0.5)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert len(await taken(client, "w")) == 2
    assert await polled(client) == []
    said = [each for each in await waits(client, ids) if each]
    assert len(said) == 2 and said[0].startswith("2 of lift began within 0.5 s, next at ")
    assert len(await taken(client, "w", waitMs=20_000)) == 2
    assert 0.5 <= loop.time() - began < 5


async def test_places_for_each_key(client: httpx2.AsyncClient):
    task = {"name": "lift", "ownerEmail": "a@b.c", "concurrentExecLimit": 1}
    task = {**task, "concurrencyKey": "house.name"}
    assert (await client.post("/api/metadata/taskdefs", json=[task])).status_code == 200
    step = {**STEP, "inputParameters": {"house": "${workflow.input.house}"}}
    assert (await client.post("/v1/workflows", json={**LIFTING, "tasks": [step]})).status_code < 300
    ids: list[str] = []
    for name in ("Rose", "Rose", "Lily"):
        body = {"input": {"house": {"name": name}}}
        ids.append((await client.post("/v1/workflows/lifting/executions", json=body)).json()["id"])
    queued = (await client.get("/api/tasks/queue/all")).json()
    assert queued == {"lift": 3}
    first, second = await polled(client), await taken(client, "w")
    assert len(first) == 2 and second == []
    assert await waits(client, ids) == ["", '1 of lift with house.name "Rose" runs already', ""]
    rose = next(each for each in first if each["inputData"]["house"]["name"] == "Rose")
    done = {"workflowInstanceId": rose["workflowInstanceId"], "taskId": rose["taskId"]}
    await client.post("/api/tasks", json={**done, "status": "COMPLETED", "workerId": "c"})
    assert [each["executionId"] for each in await taken(client, "w")] == [ids[1]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"concurrencyKey": "a.1", "concurrentExecLimit": 1}, "name a parameter of the input"),
        ({"concurrencyKey": "a"}, "there is no concurrentExecLimit"),
    ],
)
async def test_keys_that_make_no_sense(
    client: httpx2.AsyncClient, more: dict[str, Any], words: str
):
    refused = await client.post("/v1/tasks", json=[{"name": "lift", **more}])
    assert refused.status_code in {400, 422} and words in refused.text


async def test_limits_that_make_no_sense_or_stand_in_a_step_are_refused(
    client: httpx2.AsyncClient,
):
    tasks = [{"name": "lift", "concurrentExecLimit": -1}]
    refused = await client.post("/v1/tasks", json=tasks)
    assert refused.status_code in {400, 422}
    assert "concurrentExecLimit is -1" in refused.text
    own = {**STEP, "taskDefinition": {"name": "lift", "concurrentExecLimit": 1}}
    refused = await client.post("/v1/workflows", json={**LIFTING, "tasks": [own]})
    assert "a limit is one for all that do the task" in refused.text
