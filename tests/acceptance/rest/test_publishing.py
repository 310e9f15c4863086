"""POST /v1/events and the clients' `publish`: heard by handlers, by steps that wait, by starts."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import httpx2
import msgspec
import pytest

from pavane import Client, Event, EventContext, Service, SyncClient, wait_for, workflow
from pavane.bootstrap import Company, dancing_services, mixed_services, running_engine
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.errors import InputError, NoBusError, TooLargeError, UsageError
from tests.acceptance.rest.serving import serving

pytestmark = pytest.mark.anyio
T = TypeVar("T")


class Paid(Event, type="test.order.paid.v1", key="order"):
    order: str
    amount: int = 0


class Placed(Event, type="test.order.placed.v1"):
    order: str


desk, books = Service("desk"), Service("books")
HEARD: list[tuple[str, str, str]] = []  # what, id, flow


@books.on(Paid)
async def note(ctx: EventContext, event: Paid) -> None:
    HEARD.append((event.order, ctx.message_id, ctx.correlation_id))


@desk.task
async def pack(order: str) -> str:
    return f"P-{order}"


@workflow
async def selling(order: str) -> int:
    paid = await wait_for(Paid, where=lambda event: event.order == order)
    return paid.amount


@workflow(started_by=Placed)
async def packing(placed: Placed) -> str:
    return await pack(placed.order)


WORKFLOWS = [selling, packing]


class Here(NamedTuple):
    """A server with a bus, and who is behind it."""

    web: httpx2.AsyncClient
    engine: Engine
    company: Company
    app: Any


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    HEARD.clear()
    async with mixed_services(
        "memory:", "memory:", services=[desk, books], workflows=WORKFLOWS
    ) as (engine, company):
        app = build_app(engine, company)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as web:
            yield Here(web, engine, company, app)


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """What it sees, once it sees something."""
    for _ in range(2000):
        if found := await look():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def heard(count: int) -> list[tuple[str, str, str]]:
    async def look() -> bool:
        return len(HEARD) >= count

    await until(look)
    return HEARD


BODY = b'{"order": "7", "amount": 160}'
CLOUD = {
    "specversion": "1.0",
    "id": "pay-7",
    "source": "/bank",
    "type": "test.order.paid.v1",
    "correlationid": "visit-1",
    "data": {"order": "7", "amount": 160},
}
BINARY = {f"ce-{name}": str(value) for name, value in CLOUD.items() if name != "data"}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {
        "json": {
            "type": "test.order.paid.v1",
            "id": "pay-7",
            "correlationId": "visit-1",
            "data": CLOUD["data"],
        }
    },
    "binary": {"content": BODY, "headers": {**BINARY, "content-type": "application/json"}},
    "structured": {
        "content": json.dumps(CLOUD).encode(),
        "headers": {"content-type": "application/cloudevents+json; charset=utf-8"},
    },
}


@pytest.mark.parametrize("form", FORMS)
async def test_an_event_ends_a_wait_and_is_handled_once(here: Here, form: str):
    run = await Client.embedded(here.engine).start(selling, "7")
    for _ in range(3):  # as a client does that has missed the answer
        answer = await here.web.post("/v1/events", **FORMS[form])
        assert (answer.status_code, answer.json()) == (201, {"id": "pay-7"})
    assert await run.result("20s") == 160
    last = await here.web.post(
        "/v1/events", json={"type": Paid.__event_type__, "data": {"order": "8"}}
    )
    assert await heard(2) == [
        ("7", "pay-7", "visit-1"),
        ("8", last.json()["id"], last.json()["id"]),
    ]


async def test_an_event_starts_a_workflow_once(here: Here):
    for _ in range(2):
        body = {"type": "test.order.placed.v1", "id": "web-9", "data": {"order": "9"}}
        assert (await here.web.post("/v1/events", json=body)).status_code == 201
    client = Client.embedded(here.engine)
    found = await until(lambda: client.executions(workflow="packing", status="COMPLETED"))
    assert [each.key for each in found] == ["web-9"]
    assert len(await client.executions(workflow="packing")) == 1


CLOUD_TYPE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
TEXT = {**BINARY, "content-type": "text/plain"}
PAID = "test.order.paid.v1"


@pytest.mark.parametrize(
    ("content", "headers", "status", "code", "words"),
    [
        (b'{"type": "OrderPaid"}', {}, 422, "invalid-input", ["'OrderPaid'", ".v1"]),
        (b'{"type": "_pavane.journal.v1"}', {}, 422, "invalid-input", ["_pavane"]),
        (b'{"data": {}}', {}, 422, "invalid-input", ["type"]),
        (b'{"type": "a.b.v1", "topic": "a"}', {}, 422, "invalid-input", ["topic"]),
        (b'{"type": "a.b.v1", "data": [1]}', {}, 422, "invalid-input", ["a.b.v1", "not an object"]),
        (b'{"type": "a.b.v1", "source": "my web"}', {}, 422, "invalid-input", ["source"]),
        (b'{"type": "a.b.v1", "id": "\\u0000"}', {}, 422, "invalid-input", ["id", "U+0000"]),
        (b'{"type": "a.b.v1"', {}, 400, "malformed", ["truncated"]),
        (b"[]", BATCH, 400, "malformed", ["batch"]),
        (b"no json", TEXT, 422, "invalid-input", ["text/plain"]),
        (b"no json", BINARY, 422, "invalid-input", [f"The data of {PAID} is not JSON"]),
        (b"{}", {"ce-specversion": "0.3", "ce-type": PAID}, 422, "invalid-input", ["specversion"]),
        (b"{}", {"ce-specversion": "1.0", "ce-type": PAID}, 422, "invalid-input", ["id"]),
        (b'{"specversion": "1.0", "id": "1"}', CLOUD_TYPE, 422, "invalid-input", ["source"]),
        (b'{"a":' * 300 + b"1" + b"}" * 300, BINARY, 400, "malformed", ["deeper"]),
        (b'{"a":"' + b"x" * 6_000_000 + b'"}', BINARY, 413, "too-large", ["5 MiB"]),
    ],
)  # fmt: skip
async def test_what_is_no_event_is_refused_and_heard_by_nobody(
    here: Here, content: bytes, headers: dict[str, str], status: int, code: str, words: list[str]
):
    answer = await here.web.post("/v1/events", content=content, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert all(word in problem["detail"] + problem["remedy"] for word in words), problem
    await here.web.post("/v1/events", json={"type": PAID, "data": {"order": "last"}})
    assert [what for what, _, _ in await heard(1)] == ["last"]


async def test_clients_publish_typed_and_by_name(here: Here):
    async with serving(here.app) as served:
        async with Client(served.url) as client:
            first = await client.publish(Paid(order="1", amount=2), id="p-1", correlation_id="v")
            second = await client.publish(PAID, {"order": "2"}, source="tests")
            with pytest.raises(InputError, match="does not end in a version"):
                await client.publish("paid", {})
            with pytest.raises(UsageError, match="is no event"):
                await client.publish(7)  # type: ignore[call-overload]  # what is wrong is the test
            with pytest.raises(UsageError, match="beside them"):
                await client.publish(Paid(order="1"), {"order": "2"})  # type: ignore[call-overload]  # as above
            with pytest.raises(InputError, match="cannot be written as JSON"):
                await client.publish(PAID, {"order": threading.Lock()})
            with pytest.raises(TooLargeError):
                await client.publish(PAID, {"order": "x" * 6_000_000})

        def blocking() -> str:
            with SyncClient(served.url) as client:
                return client.publish(Paid(order="3"))

        third = await asyncio.to_thread(blocking)
        assert await heard(3) == [("1", "p-1", "v"), ("2", second, second), ("3", third, third)]
        assert first == "p-1"
        assert len({second, third}) == 2


async def test_events_of_a_key_keep_their_order(here: Here):
    for n in range(20):
        body = {"type": PAID, "id": f"{n:02}", "key": "1", "data": {"order": "1"}}
        assert (await here.web.post("/v1/events", json=body)).status_code == 201
    assert [id for _, id, _ in await heard(20)] == [f"{n:02}" for n in range(20)]


async def test_clients_in_the_process_publish_as_well(here: Here):
    async with Client.embedded(here.engine, here.company) as client:
        run = await client.start(selling, "7")
        await client.publish(Paid(order="7", amount=3))
        assert await run.result("20s") == 3
    company = here.company
    async with Client.among(company.requests, company.observer, company.chance) as client:
        assert await client.publish(PAID, {"order": "8"}, id="8") == "8"
        with pytest.raises(InputError, match="is a JSON list"):
            await client.publish(PAID, [1])
    assert [what for what, _, _ in await heard(2)] == ["7", "8"]


async def test_without_a_bus_nobody_hears(here: Here):
    del here
    async with (
        running_engine("memory:") as engine,
        serving(build_app(engine)) as served,
        Client(served.url) as client,
        Client.embedded(engine) as inside,
    ):
        for each in (client, inside):
            with pytest.raises(NoBusError, match="no bus here") as refusal:
                await each.publish(Paid(order="1"))
            assert "--bus embedded:FOLDER" in refusal.value.remedy


async def test_dancers_with_a_door_take_events_too():
    HEARD.clear()
    async with dancing_services("memory:", services=[desk, books], workflows=[packing]) as company:
        transport = httpx2.ASGITransport(app=build_app(None, company))
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as web:
            for type in (PAID, "test.order.placed.v1"):
                body = {"type": type, "id": "x-1", "data": {"order": "5"}}
                assert (await web.post("/v1/events", json=body)).status_code == 201
        assert await heard(1) == [("5", "x-1", "x-1")]
        (done,) = await until(lambda: ended(company))
        view = company.observer.execution(done)
        assert msgspec.json.decode(view.output) == {"result": "P-5"}


async def ended(company: Company) -> list[str]:
    found = company.observer.executions()
    return [each.id for each in found if each.workflow == "packing" and each.ended_at]


DOORS = {"/v1/workflows": "/v1/workflows/telling/executions", "/api/metadata/workflow": ""}


@pytest.mark.parametrize("door", DOORS)
async def test_a_definition_that_publishes_is_taken_as_it_is(here: Here, door: str):
    tell = {
        "name": "tell",
        "taskReferenceName": "tell",
        "type": "EVENT",
        "sink": "event:test.order.paid.v1",
        "inputParameters": {"order": "${workflow.input.order}", "amount": 5},
    }
    definition = {"name": "telling", "version": 1, "schemaVersion": 2, "tasks": [tell]}
    answer = await here.web.post(door, json=definition)
    assert answer.status_code in (200, 201), answer.text
    if DOORS[door]:
        id = (await here.web.post(DOORS[door], json={"input": {"order": "9"}})).json()["id"]
    else:
        id = (await here.web.post("/api/workflow/telling", json={"order": "9"})).text
    assert (await here.engine.wait(id, 20)).status == "COMPLETED"
    assert [(order, flow) for order, _, flow in await heard(1)] == [("9", id)]
    (task,) = (await here.web.get(f"/api/workflow/{id}")).json()["tasks"]
    assert (task["taskType"], task["outputData"]["event_produced"]) == ("EVENT", tell["sink"])
