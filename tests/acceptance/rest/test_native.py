"""The /v1 API, over an engine on the memory store: what it answers, and what it says no to."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.core.model.work import Outcome
from pavane.doors.rest.app import build_app
from pavane.doors.rest.native.routes import ROUTES
from pavane.engine.engine import Engine

pytestmark = pytest.mark.anyio

APPROVAL = {
    "name": "approval",
    "version": 1,
    "tasks": [
        {"name": "wait", "taskReferenceName": "approve", "type": "WAIT"},
        {
            "name": "book",
            "taskReferenceName": "book",
            "type": "SIMPLE",
            "inputParameters": {"id": "${workflow.input.id}"},
            "undo": {"name": "unbook", "inputParameters": {"id": "${book.input.id}"}},
        },
        {"name": "pay", "taskReferenceName": "pay", "type": "SIMPLE"},
    ],
    "outputParameters": {"by": "${approve.output.by}", "seat": "${book.output.seat}"},
}
TASKS = [{"name": name, "retryCount": 0} for name in ("book", "unbook", "pay")]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def engine(store: MemoryStore) -> AsyncIterator[Engine]:
    async with running_engine(store) as engine:
        yield engine


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await client.post("/v1/tasks", json=TASKS)).status_code == 201
        assert (await client.post("/v1/workflows", json=APPROVAL)).status_code == 201
        yield client


async def started(client: httpx2.AsyncClient, **body: Any) -> str:
    response = await client.post("/v1/workflows/approval/executions", json=body)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/executions/{response.json()['id']}"
    return response.json()["id"]


async def work(engine: Engine, task: str, status: str = "COMPLETED", **output: Any) -> None:
    (assignment,) = await engine.poll([task], "w1", 1)
    done = Outcome(
        assignment.execution_id,
        assignment.ref,
        assignment.attempt,
        status,  # pyright: ignore[reportArgumentType] # one of the literals
        json.dumps(output).encode(),
        reason="" if status == "COMPLETED" else "no",
        worker="w1",
    )
    assert await engine.report(done)


def check_problem(response: httpx2.Response, status: int, code: str, *words: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "code", "remedy"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    for word in words:
        assert word in body["detail"] + body["remedy"], body


async def test_the_type_of_a_problem_is_the_address_of_what_it_means(client: httpx2.AsyncClient):
    problem = (await client.get("/v1/executions/none")).json()
    assert problem["type"] == "/problems/not-found"
    page = await client.get(problem["type"])
    assert page.headers["content-type"].startswith("text/plain")
    assert page.text.startswith("not-found\n\nThere is no workflow, execution")
    check_problem(await client.get("/problems/none"), 404, "not-found", "none")


async def test_health(client: httpx2.AsyncClient):
    response = await client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "healthy": True})


async def test_an_execution_from_start_to_result(client: httpx2.AsyncClient, engine: Engine):
    id = await started(client, input={"id": "7"}, key="k", correlationId="c")
    assert await started(client, input={"id": "7"}, key="k") == id, "the same key starts once"
    waiting = await client.get(f"/v1/executions/{id}/result")
    assert (waiting.status_code, waiting.json()["status"]) == (202, "RUNNING")

    body = {"output": {"by": "Byrd"}}
    assert (await client.post(f"/v1/executions/{id}/signal/approve", json=body)).is_success
    await work(engine, "book", seat="3A")
    await work(engine, "pay")
    result = (await client.get(f"/v1/executions/{id}/result?wait=5")).json()
    assert result["status"] == "COMPLETED"
    assert result["output"] == {"by": "Byrd", "seat": "3A"}

    view = (await client.get(f"/v1/executions/{id}")).json()
    assert view["correlationId"] == "c"
    assert [(step["ref"], step["status"]) for step in view["steps"]] == [
        ("approve", "COMPLETED"),
        ("book", "COMPLETED"),
        ("pay", "COMPLETED"),
    ]
    history = (await client.get(f"/v1/executions/{id}/history")).json()["history"]
    assert history
    assert all(isinstance(entry["entries"], list) for entry in history)


async def test_a_step_that_waits_is_refused_for_a_reason(client: httpx2.AsyncClient):
    id = await started(client, input={"id": "7"})
    body = {"status": "FAILED", "reason": "too expensive"}
    answer = (await client.post(f"/v1/executions/{id}/signal/approve", json=body)).json()
    assert (answer["status"], answer["reason"]) == ("FAILED", "approve: too expensive")


async def test_what_was_done_is_undone(client: httpx2.AsyncClient, engine: Engine):
    id = await started(client, input={"id": "7"})
    await client.post(f"/v1/executions/{id}/signal/approve")
    await work(engine, "book", seat="3A")
    await work(engine, "pay", "FAILED_WITH_TERMINAL_ERROR")
    await work(engine, "unbook")
    result = (await client.get(f"/v1/executions/{id}/result?wait=5")).json()
    assert (result["status"], result["cause"]) == ("COMPENSATED", "FAILED")
    steps = {s["ref"]: s for s in (await client.get(f"/v1/executions/{id}")).json()["steps"]}
    assert (steps["book"]["status"], steps["book"]["undo"]) == ("UNDONE", "COMPLETED")
    assert steps["undo:book"]["undoes"] == "book"


async def test_an_undo_that_gives_up_is_resolved(client: httpx2.AsyncClient, engine: Engine):
    id = await started(client, input={"id": "7"})
    await client.post(f"/v1/executions/{id}/signal/approve")
    await work(engine, "book", seat="3A")
    await work(engine, "pay", "FAILED_WITH_TERMINAL_ERROR")
    await work(engine, "unbook", "FAILED_WITH_TERMINAL_ERROR")
    result = await client.get(f"/v1/executions/{id}/result?wait=5")
    assert (result.status_code, result.json()["status"]) == (202, "NEEDS_ATTENTION")
    (waiting,) = (await client.get(f"/v1/executions/{id}")).json()["attention"]
    assert waiting["ref"] == "undo:book"
    path = f"/v1/executions/{id}/resolve/{waiting['ref']}"
    check_problem(
        await client.post(path, json={"action": "hope"}), 422, "invalid-input", "$.action"
    )
    assert (await client.post(path, json={"action": "done"})).json()["status"] == "COMPENSATED"


async def test_pause_resume_terminate_retry(client: httpx2.AsyncClient):
    id = await started(client)
    path = f"/v1/executions/{id}"
    assert (await client.post(f"{path}/pause")).json()["status"] == "PAUSED"
    assert (await client.post(f"{path}/resume")).json()["status"] == "RUNNING"
    check_problem(await client.post(f"{path}/resume"), 409, "conflict", "RUNNING")
    ended = (await client.post(f"{path}/terminate", json={"reason": "enough"})).json()
    assert (ended["status"], ended["reason"]) == ("TERMINATED", "enough")
    assert (await client.post(f"{path}/retry")).json()["status"] == "RUNNING"


async def test_lists(client: httpx2.AsyncClient):
    ids = sorted([await started(client, key=str(number)) for number in range(3)])
    first = (await client.get("/v1/executions?workflow=approval&limit=2")).json()
    assert [each["id"] for each in first["executions"]] == [ids[2], ids[1]]
    rest = (await client.get(f"/v1/executions?before={first['next']}&limit=2")).json()
    assert ([each["id"] for each in rest["executions"]], rest["next"]) == ([ids[0]], None)
    by_key = (await client.get("/v1/executions?workflow=approval&key=1&status=running")).json()
    assert [each["key"] for each in by_key["executions"]] == ["1"]
    check_problem(await client.get("/v1/executions?status=DONE"), 400, "malformed", "COMPLETED")
    check_problem(await client.get("/v1/executions?limit=many"), 400, "malformed", "limit")


async def test_definitions(client: httpx2.AsyncClient):
    (entry,) = (await client.get("/v1/workflows")).json()["workflows"]
    assert (entry["name"], entry["version"]) == ("approval", 1)
    body = (await client.get("/v1/workflows/approval")).json()
    assert [step["taskReferenceName"] for step in body["tasks"]] == ["approve", "book", "pay"]
    tasks = (await client.get("/v1/tasks")).json()["tasks"]
    assert [each["name"] for each in tasks] == ["book", "pay", "unbook"]
    other = {**APPROVAL, "outputParameters": {}}
    check_problem(await client.post("/v1/workflows", json=other), 409, "already-exists", "approval")
    assert (await client.post("/v1/workflows?overwrite=true", json=other)).status_code == 201
    check_problem(await client.get("/v1/workflows/approval?version=9"), 404, "not-found", "9")


async def test_a_definition_that_is_wrong_comes_back_with_every_finding(
    client: httpx2.AsyncClient,
):
    wrong = {
        "name": "wrong",
        "tasks": [
            {"name": "a", "taskReferenceName": "a", "inputParameters": {"x": "${nobody.output}"}},
            {"name": "b", "taskReferenceName": "b"},
            {"name": "c", "taskReferenceName": "c", "type": "HOCUS"},
        ],
    }
    response = await client.post("/v1/workflows", json=wrong)
    check_problem(response, 422, "invalid-definition")
    assert len(response.json()["findings"]) >= 2


async def test_a_graph_that_cannot_end_is_refused(client: httpx2.AsyncClient):
    again = {"name": "again", "taskReferenceName": "again", "type": "SUB_WORKFLOW"}
    endless = {"name": "endless", "tasks": [{**again, "subWorkflowParam": {"name": "endless"}}]}
    response = await client.post("/v1/workflows", json=endless)
    check_problem(response, 422, "invalid-definition", "endless")
    check_problem(await client.post("/v1/workflows/endless/executions"), 404, "not-found")


async def test_a_full_disk_is_told_and_nothing_is_lost(
    client: httpx2.AsyncClient, store: MemoryStore
):
    id = await started(client, key="before")
    store.full = True
    response = await client.post("/v1/workflows/approval/executions", json={"key": "during"})
    check_problem(response, 507, "store-full")
    assert response.headers["retry-after"] == "1"
    check_problem(await client.post(f"/v1/executions/{id}/pause"), 507, "store-full")
    assert (await client.get(f"/v1/executions/{id}")).json()["status"] == "RUNNING"
    store.full = False
    assert (await client.post(f"/v1/executions/{id}/pause")).json()["status"] == "PAUSED"
    assert await started(client, key="during") != id
    assert len((await client.get("/v1/executions")).json()["executions"]) == 2


async def test_openapi(client: httpx2.AsyncClient):
    document = (await client.get("/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    routed = {
        (method.lower(), f"/v1{route.path}".replace(":path", ""))
        for route in ROUTES
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(m, path) for path, of_path in document["paths"].items() for m in of_path}
    assert routed - described == {("get", "/v1/openapi.json")}
    assert described - routed == {("get", "/health")}
    page = (Path(__file__).parents[3] / "docs" / "reference" / "rest.md").read_text("utf-8")
    for method, path in described:
        assert f"`{method.upper()} {path}`" in page


START = "/v1/workflows/approval/executions"


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b'{"input": {"id": 7', 400, "malformed", ["truncated"]),
        (b'{"input": {"id": 7]}', 400, "malformed", ["byte 18"]),
        (b"\xff\xfe", 400, "malformed", ["UTF-8"]),
        (b"[]", 422, "invalid-input", ["object"]),
        (b'{"input": [1]}', 422, "invalid-input", ["$.input"]),
        (b'{"input": {}, "version": "two"}', 422, "invalid-input", ["$.version"]),
        (b'{"inputs": {}}', 422, "invalid-input", ["inputs"]),
        (b'{"input": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", 400, "malformed", ["deeper"]),
        (b'{"input": {"a": "' + b"x" * 10_000_000 + b'"}}', 413, "too-large", ["5 MiB"]),
        (b'{"version": 4}', 404, "not-found", ["4"]),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, bytes) else "",
)
async def test_bad_bodies(
    client: httpx2.AsyncClient, body: bytes, status: int, code: str, words: list[str]
):
    check_problem(await client.post(START, content=body), status, code, *words)
    assert (await client.get("/v1/executions")).json()["executions"] == [], "nothing began"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/workflows/nope/executions", 404, "not-found"),
        ("GET", "/v1/workflows/nope", 404, "not-found"),
        ("GET", "/v1/executions/nope", 404, "not-found"),
        ("GET", "/v1/executions/nope/history", 404, "not-found"),
        ("GET", "/v1/executions/nope/result?wait=1", 404, "not-found"),
        ("POST", "/v1/executions/nope/pause", 404, "not-found"),
        ("POST", "/v1/executions/nope/signal/x", 404, "not-found"),
        ("GET", "/v1/executions/nope/result?wait=90", 400, "malformed"),
        ("GET", "/v1/nowhere", 404, "not-found"),
        ("DELETE", "/v1/workflows", 405, "method-not-allowed"),
    ],
)
async def test_bad_addresses(
    client: httpx2.AsyncClient, method: str, path: str, status: int, code: str
):
    check_problem(await client.request(method, path), status, code)
