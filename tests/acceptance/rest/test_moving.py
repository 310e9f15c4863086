"""Executions that go on by another version, over /v1, on every store; also through a crash."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.core.model.work import Outcome
from pavane.core.model.workflow import Workflow
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.errors import ConflictError
from tests.unit.core.build import of_type, scope, task, workflow

pytestmark = pytest.mark.anyio


def version(number: int, *refs: str) -> dict[str, Any]:
    steps = [{"name": ref, "taskReferenceName": ref, "type": "WAIT"} for ref in refs]
    return {"name": "w", "version": number, "tasks": steps}


@pytest.fixture(params=["memory", "sqlite"])
async def client(request: Any, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/pavane.db"
    async with running_engine(url) as engine:
        transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            for given in (version(1, "a", "b"), version(2, "a", "b", "c"), version(3, "x", "b")):
                assert (await client.post("/v1/workflows", json=given)).status_code == 201
            yield client


async def started(client: httpx2.AsyncClient, number: int) -> str:
    answer = await client.post("/v1/workflows/w/executions", json={"version": number})
    return answer.json()["id"]


async def signalled(client: httpx2.AsyncClient, id: str, ref: str) -> None:
    answer = await client.post(f"/v1/executions/{id}/signal/{ref}", json={})
    assert answer.status_code == 200, answer.text


async def test_moved_once_and_told_what_it_is(client: httpx2.AsyncClient):
    id = await started(client, 1)
    await signalled(client, id, "a")
    asked = await client.post(f"/v1/executions/{id}/move", json={"to": 2, "dryRun": True})
    said = {"id": id, "workflow": "w", "before": 1, "version": 2, "fits": True}
    assert asked.json() == {**said, "moved": False, "reasons": []}
    assert (await client.get(f"/v1/executions/{id}")).json()["version"] == 1
    moved = await client.post(f"/v1/executions/{id}/move", json={"to": 2})
    assert moved.json() == {**said, "moved": True, "reasons": []}
    again = await client.post(f"/v1/executions/{id}/move", json={"to": 2})
    assert again.json() == {**said, "before": 2, "moved": False, "reasons": []}
    view = (await client.get(f"/v1/executions/{id}")).json()
    assert (view["version"], view["status"]) == (2, "RUNNING")
    definition = (await client.get(f"/v1/executions/{id}/definition")).json()
    assert [step["name"] for step in definition["tasks"]] == ["a", "b", "c"]
    history = (await client.get(f"/v1/executions/{id}/history")).json()["history"]
    kinds = [entry["kind"] for each in history for entry in each["entries"]]
    assert kinds.count("moved") == 1
    for ref in ("b", "c"):
        await signalled(client, id, ref)
    assert (await client.get(f"/v1/executions/{id}")).json()["status"] == "COMPLETED"


async def test_refused_with_the_step(client: httpx2.AsyncClient):
    id = await started(client, 1)
    asked = await client.post(f"/v1/executions/{id}/move", json={"dryRun": True})
    gone = {"step": "a", "reason": "it is not there any more"}
    assert (asked.json()["fits"], asked.json()["reasons"]) == (False, [gone])
    refused = await client.post(f"/v1/executions/{id}/move", json={})
    assert refused.status_code == 409
    assert "cannot go on by version 3: 'a': it is not there any more." in refused.json()["detail"]
    assert (await client.get(f"/v1/executions/{id}")).json()["version"] == 1
    none = await client.post(f"/v1/executions/{id}/move", json={"to": 9})
    assert none.status_code == 404 and "version: 9" in none.json()["detail"]
    assert (await client.post("/v1/executions/nobody/move", json={})).status_code == 404


async def test_one_that_ended_is_told_so(client: httpx2.AsyncClient):
    id = await started(client, 1)
    for ref in ("a", "b"):
        await signalled(client, id, ref)
    asked = await client.post(f"/v1/executions/{id}/move", json={"to": 2, "dryRun": True})
    assert asked.json()["reasons"] == [{"step": "", "reason": "it is COMPLETED"}]


async def test_where_executions_stand_and_which_fit(client: httpx2.AsyncClient):
    ids = [await started(client, 1) for _ in range(4)]
    for id in ids[:3]:
        await signalled(client, id, "a")
    await client.post(f"/v1/executions/{ids[0]}/pause", json={})
    await started(client, 2)
    found = (await client.get("/v1/workflows/w/standing?version=1&to=3")).json()
    assert (found["version"], found["to"], found["executions"], found["more"]) == (1, 3, 4, False)
    wrong = "a: it is not there any more"
    assert [
        (each["at"], each["status"], each["count"], each["fits"], each["reason"])
        for each in found["groups"]
    ] == [
        (["b"], "RUNNING", 2, False, wrong),
        (["a"], "RUNNING", 1, False, wrong),
        (["b"], "PAUSED", 1, False, wrong),
    ]
    assert sorted(id for each in found["groups"] for id in each["examples"]) == sorted(ids)
    found = (await client.get("/v1/workflows/w/standing?version=1&to=2")).json()
    assert [each["fits"] for each in found["groups"]] == [True, True, True]
    found = (await client.get("/v1/workflows/w/standing?version=1")).json()
    assert [each["fits"] for each in found["groups"]] == [None, None, None]
    assert (await client.get("/v1/workflows/w/standing?version=8")).status_code == 404


# --- in one transaction -------------------------------------------------------------------------


async def register(engine: Engine, *definitions: Workflow) -> None:
    await engine.register(definitions)


async def test_moved_in_the_store_and_for_whoever_goes_on_after_a_crash():
    store = MemoryStore()
    old = workflow(task("a"), task("b"), name="w", version=1)
    new = workflow(task("a"), task("y"), name="w", version=2)
    async with running_engine(store) as engine:
        await register(engine, old, new)
        id = await engine.start_execution("w", b"{}", version=1)
        assert (await engine.move(id, 2)).moved
        reborn = store.crash()
    async with running_engine(reborn) as engine:
        [given] = await engine.poll(["a"], "worker", 1)
        await engine.report(Outcome(id, given.ref, given.attempt, "COMPLETED", worker="worker"))
        assert [each.ref for each in await engine.poll(["y", "b"], "worker", 9)] == ["y"]


async def test_a_result_that_comes_at_the_same_time_is_taken_by_one_of_them():
    """Whichever is first: the step behind is that of the version that stands at that moment."""
    async with running_engine("memory:") as engine:
        await register(
            engine,
            workflow(task("a"), task("b"), name="w", version=1),
            workflow(task("a"), task("y"), name="w", version=2),
        )
        moved = 0
        for n in range(20):
            id = await engine.start_execution("w", b"{}", version=1)
            [given] = await engine.poll(["a"], "worker", 1)
            told = engine.report(Outcome(id, "a", given.attempt, "COMPLETED", worker="worker"))
            asked = engine.move(id, 2)
            both = [told, asked] if n % 2 else [asked, told]
            done = await asyncio.gather(*both, return_exceptions=True)
            refused = [each for each in done if isinstance(each, ConflictError)]
            [behind] = await engine.poll(["b", "y"], "worker", 9)
            assert behind.ref == ("b" if refused else "y")
            moved += not refused
        assert 0 < moved <= 20


async def test_what_stands_in_place_is_moved_with_what_is_around_it():
    async with running_engine("memory:") as engine:
        await register(engine, workflow(scope("s", of_type("WAIT", "a")), name="w"))
        id = await engine.start_execution("w", b"{}")
        async with engine.store.snapshot() as snapshot:
            [child] = [row.child_id for row in await snapshot.tasks(id)]
        with pytest.raises(ConflictError, match=f"is a part of {id} that is written in place"):
            await engine.move(child)


async def test_other_content_under_the_same_version_leaves_what_runs_until_it_is_moved():
    async with running_engine("memory:") as engine:
        await register(engine, workflow(task("a"), task("b"), name="w"))
        id = await engine.start_execution("w", b"{}")
        changed = workflow(task("a"), task("y"), name="w")
        with pytest.raises(ConflictError, match="registered with other content"):
            await register(engine, changed)
        await engine.register([changed], overwrite=True)
        other = await engine.start_execution("w", b"{}")
        for given in await engine.poll(["a"], "worker", 2):
            await engine.report(
                Outcome(given.execution_id, "a", given.attempt, "COMPLETED", worker="worker")
            )
        behind = {each.execution_id: each.ref for each in await engine.poll(["b", "y"], "w", 9)}
        assert behind == {id: "b", other: "y"}
        third = await engine.start_execution("w", b"{}")
        assert not (await engine.move(third)).moved, "it follows what was registered last"
