"""Start keys and their strategies, over /v1, from a client, and in START_WORKFLOW."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import running_engine
from pavane.core.model.workflow import Step, Workflow
from pavane.doors.rest.app import build_app
from pavane.engine.engine import Engine
from pavane.errors import AlreadyExistsError, UsageError
from pavane.sdk.client import Client

pytestmark = pytest.mark.anyio

WAITING = Workflow(name="waiting", tasks=[Step(task_reference_name="w", type="WAIT")])
REQUEST = {
    "name": "waiting",
    "idempotencyKey": "${workflow.input.key}",
    "idempotencyStrategy": "${workflow.input.how}",
}
STARTING = Workflow(
    name="starting",
    tasks=[
        Step(
            task_reference_name="s",
            type="START_WORKFLOW",
            input_parameters={"startWorkflow": REQUEST},
        )
    ],
    output_parameters={"id": "${s.output.workflowId}"},
)


@pytest.fixture(params=["memory:", "sqlite:///keys.db"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.chdir(tmp_path)
    async with running_engine(request.param) as engine:
        await engine.register([WAITING, STARTING])
        yield engine


@pytest.fixture
async def http(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_app(engine))
    async with httpx2.AsyncClient(transport=transport, base_url="http://here/v1") as client:
        yield client


async def begin(http: httpx2.AsyncClient, **body: Any) -> httpx2.Response:
    return await http.post("/workflows/waiting/executions", json={"key": "k", **body})


async def test_over_http(http: httpx2.AsyncClient, engine: Engine):
    first = (await begin(http, ifExists="fail_if_running")).json()["id"]
    assert (await begin(http)).json()["id"] == first
    for strategy in ("fail", "fail_if_running"):
        refused = await begin(http, ifExists=strategy)
        assert (refused.status_code, refused.json()["code"]) == (409, "already-exists")
        assert first in refused.json()["detail"]
    await engine.signal(first, "w")
    assert (await begin(http, ifExists="fail")).status_code == 409
    second = (await begin(http, ifExists="fail_if_running")).json()["id"]
    assert second != first
    assert (await begin(http)).json()["id"] == second
    found = (await http.get("/executions?key=k")).json()["executions"]
    assert [each["id"] for each in found] == [second, first]
    assert (await begin(http, ifExists="perhaps")).status_code == 422


async def test_of_many_at_once_one_begins(engine: Engine):
    client = Client.embedded(engine)
    old = await client.start("waiting", key="k")
    await engine.signal(old.id, "w")
    answers = await asyncio.gather(
        *(client.start("waiting", key="k", if_exists="fail_if_running") for _ in range(20)),
        return_exceptions=True,
    )
    refused = [each for each in answers if isinstance(each, AlreadyExistsError)]
    assert len(refused) == 19
    assert len(await client.executions(key="k")) == 2


async def test_what_says_nothing_is_refused(engine: Engine):
    with pytest.raises(UsageError, match="without a key"):
        await Client.embedded(engine).start("waiting", if_exists="fail")


async def test_a_step_that_starts(engine: Engine):
    client = Client.embedded(engine)

    async def step(how: str) -> Any:
        run = await client.start("starting", input={"key": "k", "how": how})
        await engine.wait(run.id, 10)
        view = await run.state()
        if view.status != "COMPLETED":
            return view.reason
        return (await run.result())["id"]

    first = await step("RETURN_EXISTING")
    assert await step("RETURN_EXISTING") == first
    for how in ("FAIL", "FAIL_ON_RUNNING"):
        assert first in await step(how)
    await engine.signal(first, "w")
    second = await step("FAIL_ON_RUNNING")
    assert second not in ("", first)
    assert await step("RETURN_EXISTING") == second
    together = await asyncio.gather(*(step("RETURN_EXISTING") for _ in range(10)))
    assert set(together) == {second}
