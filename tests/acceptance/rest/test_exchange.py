"""The exchange of workers in other processes: work down, results up, and leases that end."""

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

CHAIN = {
    "name": "chain",
    "version": 1,
    "tasks": [
        {
            "name": name,
            "taskReferenceName": name,
            "type": "SIMPLE",
            "inputParameters": {"n": "${workflow.input.n}"},
        }
        for name in ("first", "second")
    ],
}
LEASE_S = 0.4


@pytest.fixture
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    lease_s = getattr(request, "param", LEASE_S)
    async with running_engine(SqliteStore(":memory:"), lease_s=lease_s) as engine:
        yield engine


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        tasks = [{"name": name, "retryCount": 0} for name in ("first", "second")]
        assert (await client.post("/v1/tasks", json=tasks)).status_code == 201
        assert (await client.post("/v1/workflows", json=CHAIN)).status_code == 201
        yield client


async def start(client: httpx2.AsyncClient, n: int = 1) -> str:
    response = await client.post("/v1/workflows/chain/executions", json={"input": {"n": n}})
    return response.json()["id"]


async def exchange(client: httpx2.AsyncClient, worker: str, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/exchange", json={"worker": worker, **body})
    assert response.status_code == 200, response.text
    return response.json()


async def take(client: httpx2.AsyncClient, worker: str, *tasks: str, **more: Any) -> Any:
    return await exchange(client, worker, tasks=tasks, limit=10, **more)


def report(work: dict[str, Any], **more: Any) -> dict[str, Any]:
    place = {"executionId": work["executionId"], "ref": work["ref"]}
    return {**place, "attempt": work.get("attempt", 0), **more}


async def status_of(client: httpx2.AsyncClient, id: str) -> str:
    return (await client.get(f"/v1/executions/{id}")).json()["status"]


async def test_what_waits_is_given_with_all_that_a_worker_needs(client: httpx2.AsyncClient):
    id = await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    assert work["executionId"] == id and work["input"] == {"n": 1}
    assert work["idempotencyKey"] == f"{id}:first" and work["workflow"] == "chain"
    assert (await take(client, "other", "first")).get("work", []) == []


async def test_results_up_and_the_next_work_down_in_one_request(client: httpx2.AsyncClient):
    id = await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    done = report(work, output={"a": 1})
    given = await take(client, "w", "first", "second", reports=[done])
    (following,) = given["work"]
    assert following["ref"] == "second" and "refused" not in given
    given = await exchange(client, "w", reports=[report(following)])
    assert await status_of(client, id) == "COMPLETED"


@pytest.mark.parametrize("engine", [60.0], indirect=True)  # nobody waits beyond a third of it
async def test_one_who_waits_gets_a_task_with_its_commit(
    client: httpx2.AsyncClient, engine: Engine
):
    waiting = asyncio.create_task(take(client, "w", "first", waitMs=30_000))
    await asyncio.sleep(0.2)
    assert isinstance(engine.store, SqliteStore)
    before = engine.store.counters.commits
    await start(client)
    assert len((await waiting)["work"]) == 1
    assert engine.store.counters.commits == before + 1


async def test_waiting_ends_within_the_lease(client: httpx2.AsyncClient):
    given = await take(client, "w", "first", waitMs=60_000)
    assert given == {"leaseMs": int(LEASE_S * 1000)}


async def test_no_more_than_there_is_room_for(client: httpx2.AsyncClient):
    for n in range(5):
        await start(client, n)
    given = await exchange(client, "w", tasks=["first"], limit=2)
    assert len(given["work"]) == 2
    assert len((await take(client, "w", "first"))["work"]) == 3


async def test_a_second_result_is_refused_in_words(client: httpx2.AsyncClient):
    await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    given = await exchange(client, "w", reports=[report(work), report(work, status="FAILED")])
    assert given["refused"] == [
        {"index": 1, "code": "late", "detail": "The task is COMPLETED."},
    ]
    nothing = report(work, ref="nothing")
    given = await exchange(client, "w", reports=[nothing])
    assert given["refused"][0]["detail"] == "There is no such task."


async def test_what_is_perhaps_done_is_said_with_the_report(client: httpx2.AsyncClient):
    undone = CHAIN | {"name": "undone", "tasks": [CHAIN["tasks"][0] | {"undo": {"name": "second"}}]}
    assert (await client.post("/v1/workflows", json=undone)).status_code == 201
    for perhaps, status in ((False, "FAILED"), (True, "COMPENSATING")):
        response = await client.post("/v1/workflows/undone/executions", json={"input": {"n": 1}})
        (work,) = (await take(client, "w", "first"))["work"]
        failed = report(work, status="FAILED", reason="no", perhapsDone=perhaps)
        await exchange(client, "w", reports=[failed])
        assert await status_of(client, response.json()["id"]) == status


async def test_an_output_that_cannot_be_kept_is_invalid_and_the_task_is_still_ours(
    client: httpx2.AsyncClient,
):
    await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    given = await exchange(client, "w", reports=[report(work, output=[1])])
    assert given["refused"][0]["code"] == "invalid"
    given = await exchange(client, "w", reports=[report(work, status="FAILED", reason="no")])
    assert "refused" not in given


async def test_who_is_silent_loses_what_it_has_to_somebody_else(client: httpx2.AsyncClient):
    id = await start(client)
    (work,) = (await take(client, "hangs", "first"))["work"]
    (again,) = (await _until_work(client, "other", "first"))["work"]
    assert again["executionId"] == id and again.get("attempt", 0) == work.get("attempt", 0)
    assert again["idempotencyKey"] == work["idempotencyKey"]
    late = await exchange(client, "hangs", reports=[report(work, output={"late": True})])
    assert late["lapsed"] is True
    assert late["refused"][0]["detail"] == "The task was given to another worker meanwhile."
    await exchange(client, "other", reports=[report(again, output={"late": False})])
    shown = (await client.get(f"/v1/executions/{id}")).json()
    assert shown["steps"][0]["output"] == {"late": False}


async def test_who_is_heard_keeps_what_it_has(client: httpx2.AsyncClient):
    await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    await exchange(client, "w", holds=[report(work)])
    for _ in range(8):
        await asyncio.sleep(LEASE_S / 4)
        await exchange(client, "w")
        assert "work" not in await take(client, "other", "first")


async def test_a_task_whose_answer_was_lost_goes_back_though_its_worker_is_heard(
    client: httpx2.AsyncClient,
):
    await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    given: dict[str, Any] = {}
    for _ in range(50):
        await asyncio.sleep(LEASE_S / 10)
        await exchange(client, "w")  # it lives, and does not know of the task
        given = await take(client, "other", "first")
        if given.get("work"):
            break
    assert given["work"][0]["executionId"] == work["executionId"]


async def test_a_task_that_is_no_longer_wanted_is_told_to_who_waits(client: httpx2.AsyncClient):
    id = await start(client)
    (work,) = (await take(client, "w", "first"))["work"]
    waiting = asyncio.create_task(take(client, "w", "second", waitMs=30_000))
    await asyncio.sleep(0.02)
    await client.post(f"/v1/executions/{id}/terminate", json={"reason": "enough"})
    assert (await waiting)["unwanted"] == [{"executionId": id, "ref": "first", "attempt": 0}]
    await exchange(client, "w", reports=[report(work, status="CANCELED")])
    assert (await exchange(client, "w", beats=[report(work)]))["unwanted"], "it is over"


async def test_a_sign_of_life_says_how_far_the_work_is(client: httpx2.AsyncClient):
    id = await start(client)
    (work,) = (await take(client, "w", "first"))["work"]

    async def shown() -> Any:
        return (await client.get(f"/v1/executions/{id}")).json()["steps"][0]["progress"]

    assert await shown() is None
    await exchange(client, "w", beats=[report(work, progress={"page": 3})])
    assert await shown() == {"page": 3}
    await exchange(client, "w", beats=[report(work)])
    assert await shown() == {"page": 3}
    long = {"worker": "w", "beats": [report(work, progress="x" * 5000)]}
    refused = await client.post("/v1/exchange", json=long)
    assert refused.status_code == 413 and "the limit is 4,000" in refused.text
    await exchange(client, "w", reports=[report(work)])
    assert await shown() is None


async def test_what_was_for_one_who_hung_up_goes_to_the_next(client: httpx2.AsyncClient):
    waiting = asyncio.create_task(take(client, "gone", "first", waitMs=30_000))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await start(client)
    assert len((await take(client, "w", "first", waitMs=1000))["work"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"worker": ""},
        {"worker": "w" * 300},
        {"worker": "w", "waitMs": -1},
        {"worker": "w", "limit": -1},
        {"worker": "w", "reports": [{"ref": "x"}]},
        {"worker": "w", "reports": [{"executionId": "x", "ref": "x", "status": "FINE"}]},
        {},
    ],
)
async def test_what_makes_no_sense_is_a_problem(client: httpx2.AsyncClient, body: Any):
    response = await client.post("/v1/exchange", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["code"] == "invalid-input"


async def _until_work(client: httpx2.AsyncClient, worker: str, task: str) -> dict[str, Any]:
    for _ in range(50):
        given = await take(client, worker, task, waitMs=100)
        if given.get("work"):
            return given
    raise AssertionError("nobody gave the task back")
