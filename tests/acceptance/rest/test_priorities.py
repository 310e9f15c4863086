"""Priorities: what waits for workers is handed out highest first, through whichever door."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import running_engine
from pavane.core.model.workflow import Step, SubWorkflow, Workflow
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine

pytestmark = pytest.mark.anyio

ERRAND = Workflow(name="errand", tasks=[Step(name="do", task_reference_name="d")])
NESTED = Workflow(
    name="nested",
    tasks=[
        Step(
            task_reference_name=ref,
            type="SUB_WORKFLOW",
            sub_workflow_param=SubWorkflow("errand", priority=priority),
        )
        for ref, priority in (("same", None), ("own", 50))
    ],
)


@pytest.fixture(params=["memory:", "sqlite:///work.db"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.chdir(tmp_path)
    async with running_engine(request.param) as engine:
        await engine.register([ERRAND, NESTED])
        yield engine


@pytest.fixture
async def http(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_app(engine))
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def start(http: httpx2.AsyncClient, priority: int, workflow: str = "errand") -> str:
    body = {"priority": priority}
    answer = await http.post(f"/v1/workflows/{workflow}/executions", json=body)
    return answer.json()["id"]


async def test_the_highest_goes_first_and_equals_in_their_order(http: httpx2.AsyncClient):
    ids = [(priority, await start(http, priority)) for priority in (0, 5, 99, 0, 5, 0, 99)]
    wanted = [id for _, id in sorted(ids, key=lambda each: -each[0])]
    got: list[str] = []
    for take in (1, 2):  # Conductor's door, then ours
        found: list[dict[str, Any]] = (
            await http.get(f"/api/tasks/poll/batch/do?count={take}&workerid=w")
        ).json()
        got += [each["workflowInstanceId"] for each in found]
    wanted_work = {"worker": "v", "tasks": ["do"], "limit": 10}
    given = (await http.post("/v1/exchange", json=wanted_work)).json()["work"]
    got += [each["executionId"] for each in given]
    assert got == wanted


async def test_sub_workflows_have_that_of_what_started_them_or_their_own(
    http: httpx2.AsyncClient, engine: Engine
):
    await start(http, 20, "nested")
    for priority in (20, 50):
        plain, below, above = [await start(http, each) for each in (0, priority - 1, priority + 1)]
        got = await engine.poll(("do",), "w", 4)
        assert [each.execution_id for each in got][::3] == [above, plain]
        assert got[2].execution_id == below
        assert got[1].priority == priority
        for each in got:
            await http.post(f"/api/tasks/{each.execution_id}/d/COMPLETED", json={})


async def test_a_priority_is_from_0_to_99(http: httpx2.AsyncClient):
    for priority in (-1, 100):
        answer = await http.post("/v1/workflows/errand/executions", json={"priority": priority})
        assert answer.status_code == 422
