"""/v1 where executions of both styles are: one list in one order, each asked where it is."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx2
import pytest

from pavane import Fail, Service, workflow
from pavane.bootstrap import Company, mixed_services, running_engine
from pavane.bootstrap.choreographed import dancing_services
from pavane.core.model.ids import execution_id
from pavane.doors.executions.order import Place, before_in_engine, conducted_place
from pavane.doors.rest.app import build_app

pytestmark = pytest.mark.anyio

desk, bank = Service("desk"), Service("bank")


@desk.task
async def give_back(amount: int) -> None: ...


@desk.task(undo=give_back, retries=0)
async def take(amount: int) -> int:
    return amount


@bank.task(retries=0)
async def pay(amount: int) -> int:
    if amount > 100:
        raise Fail("too much")
    return amount + 1


@workflow
async def conducted(amount: int) -> int:
    taken = await take(amount)
    return await pay(taken)


@workflow(style="choreographed")
async def danced(amount: int) -> int:
    taken = await take(amount)
    return await pay(taken)


class Here(NamedTuple):
    """A server over both, and who is behind it."""

    client: httpx2.AsyncClient
    company: Company


def client_of(app: Any) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://here")


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    mixed = mixed_services(
        "memory:", "memory:", services=[desk, bank], workflows=[conducted, danced]
    )
    async with mixed as (engine, company), client_of(build_app(engine, company)) as client:
        yield Here(client, company)


async def start(client: httpx2.AsyncClient, name: str, amount: int, **more: Any) -> str:
    body = {"input": {"amount": amount}, **more}
    response = await client.post(f"/v1/workflows/{name}/executions", json=body)
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def result(client: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/executions/{id}/result?wait=30")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_either_style_is_started_shown_and_ends(here: Here):
    for name, style in (("conducted", "orchestrated"), ("danced", "choreographed")):
        id = await start(here.client, name, 5, key=f"k-{name}")
        assert await start(here.client, name, 5, key=f"k-{name}") == id
        ended = await result(here.client, id)
        assert (ended["status"], ended["output"]) == ("COMPLETED", {"result": 6})
        shown = (await here.client.get(f"/v1/executions/{id}")).json()
        assert (shown["style"], shown["workflow"], shown["key"]) == (style, name, f"k-{name}")
        assert {step["ref"]: step["status"] for step in shown["steps"]} == {
            "take": "COMPLETED",
            "pay": "COMPLETED",
        }
        history = (await here.client.get(f"/v1/executions/{id}/history")).json()["history"]
        assert [each["position"] for each in history] == sorted(
            each["position"] for each in history
        )
        assert b"COMPLETED" in str(history).encode()


async def test_what_failed_was_undone_in_either_style(here: Here):
    for name in ("conducted", "danced"):
        id = await start(here.client, name, 500)
        ended = await result(here.client, id)
        assert (ended["status"], ended["reason"]) == ("COMPENSATED", "pay: too much")


async def test_what_was_just_started_is_there_at_once(here: Here):
    for _ in range(20):
        id = await start(here.client, "danced", 1)
        shown = await here.client.get(f"/v1/executions/{id}")
        assert shown.status_code == 200, shown.text
        assert shown.json()["workflow"] == "danced"


async def test_a_list_pages_through_both_styles_without_gaps(here: Here):
    ids = []
    for number in range(15):
        ids.append(await start(here.client, ("conducted", "danced")[number % 3 % 2], 1))
    for id in ids:
        await result(here.client, id)
    for limit in (1, 2, 4, 100):
        pages = [each async for each in every_page(here.client, limit=limit)]
        listed = [each for page in pages for each in page]
        assert sorted(each["id"] for each in listed) == sorted(ids)
        # An engine's id is made a moment before the execution begins.
        times = [each["createdAt"] for each in listed]
        assert all(one >= other - 50 for one, other in itertools.pairwise(times))
    for style, many in (("orchestrated", 10), ("choreographed", 5)):
        listed = [
            each async for page in every_page(here.client, limit=2, style=style) for each in page
        ]
        assert {each["style"] for each in listed} == {style}
        assert len(listed) == many


async def every_page(client: httpx2.AsyncClient, **query: Any) -> AsyncIterator[list[Any]]:
    before = ""
    while before is not None:
        answer = await client.get("/v1/executions", params={**query, "before": before})
        assert answer.status_code == 200, answer.text
        yield answer.json()["executions"]
        before = answer.json()["next"]


async def test_filters_reach_both(here: Here):
    good = await start(here.client, "danced", 1, key="mine")
    bad = await start(here.client, "conducted", 500)
    for id in (good, bad):
        await result(here.client, id)
    for query, expected in (
        ("status=COMPLETED", [good]),
        ("status=COMPENSATED", [bad]),
        ("key=mine", [good]),
        ("workflow=conducted", [bad]),
        ("workflow=conducted&style=choreographed", []),
    ):
        found = (await here.client.get(f"/v1/executions?{query}")).json()["executions"]
        assert [each["id"] for each in found] == expected, query
    refused = await here.client.get("/v1/executions?style=modern")
    assert refused.status_code == 400
    assert "modern" in refused.json()["detail"]


async def test_nobody_pauses_dancers(here: Here):
    id = await start(here.client, "danced", 1)
    await result(here.client, id)
    for action in ("pause", "resume", "retry"):
        refused = await here.client.post(f"/v1/executions/{id}/{action}")
        assert refused.status_code == 409, refused.text
        assert "no conductor" in refused.json()["detail"]
    refused = await here.client.post(f"/v1/executions/{id}/terminate")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    refused = await here.client.post(f"/v1/executions/{id}/resolve/none", json={"action": "done"})
    assert refused.status_code == 404
    refused = await here.client.post(
        "/v1/workflows/danced/executions", json={"input": {"amount": 1}, "priority": 3}
    )
    assert refused.status_code == 422
    refused = await here.client.post("/v1/workflows/danced/executions", json={"version": 9})
    assert refused.status_code == 404


async def test_what_can_be_started_is_listed_with_its_style(here: Here):
    listed = (await here.client.get("/v1/workflows")).json()["workflows"]
    assert {each["name"]: each["style"] for each in listed} == {
        "conducted": "orchestrated",
        "danced": "choreographed",
    }
    for name in ("conducted", "danced"):
        definition = (await here.client.get(f"/v1/workflows/{name}")).json()
        assert [each["name"] for each in definition["tasks"]][:2] == ["take", "pay"]
    missing = await here.client.get("/v1/workflows/neither")
    assert missing.status_code == 404


async def test_dancers_alone_have_no_conductor_to_ask():
    async with (
        dancing_services("memory:", services=[desk, bank], workflows=[danced]) as company,
        client_of(build_app(None, company)) as client,
    ):
        id = await start(client, "danced", 2)
        assert (await result(client, id))["output"] == {"result": 3}
        listed = (await client.get("/v1/executions")).json()["executions"]
        assert [each["id"] for each in listed] == [id]
        assert (await client.get("/health")).status_code == 200
        for method, path in (
            ("GET", f"/api/workflow/{id}"),
            ("GET", "/api/workflow/search"),
            ("GET", "/api/metadata/workflow"),
            ("GET", "/api/tasks/poll/batch/pay"),
            ("GET", "/api/tasks/queue/all"),
            ("POST", "/api/workflow/danced"),
            ("GET", "/v1/tasks"),
            ("POST", "/v1/workflows"),
        ):
            body = "[]" if path == "/v1/workflows" else None
            answer = await client.request(method, path, content=body)
            assert answer.status_code == 409, (path, answer.text)
            assert "no conductor" in answer.text


async def test_whoever_follows_a_bus_hears_of_newcomers(tmp_path: Any):
    """A server that was there first starts what was announced later."""
    from pavane.bootstrap.choreographed import visiting

    url = f"embedded:{tmp_path / 'bus'}"
    async with (
        visiting(url) as company,
        running_engine("memory:") as engine,
        client_of(build_app(engine, company)) as client,
    ):
        early = await client.post("/v1/workflows/danced/executions", json={})
        assert early.status_code == 404
        async with dancing_services(url, services=[desk, bank], workflows=[danced]):
            for _ in range(1000):
                if "danced" in company.requests.known:
                    break
                await asyncio.sleep(0.02)
            id = await start(client, "danced", 7)
            assert (await result(client, id))["output"] == {"result": 8}


def test_the_order_of_both_is_one_order():
    """An engine searches by its ids alone; the id made for a place splits them where it stands."""
    low, high = execution_id(1_000, 5), execution_id(1_000, 1 << 73)
    older, newer = execution_id(999, 1 << 73), execution_id(1_001, 0)
    every = [older, low, high, newer]
    assert [conducted_place(each) for each in every] == sorted(map(conducted_place, every))
    for mark in ("", "00000000-ffff", low[:-1], high, high[:-1] + "~", "zzz", "ffffffff"):
        place = Place(1_000, mark)
        split = before_in_engine(place)
        assert [each < split for each in every] == [conducted_place(each) < place for each in every]
