"""What waits for people, over /v1, on every store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pavane.bootstrap import running_engine
from pavane.doors.rest.app import build_app

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
async def client(request: Any, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/pavane.db"
    async with running_engine(url) as engine:
        transport = httpx2.ASGITransport(app=build_app(engine), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            steps = [
                {
                    "name": "approve",
                    "taskReferenceName": "ask",
                    "type": "HUMAN",
                    "inputParameters": {
                        "to": "${workflow.input.to}",
                        "deadline": "${workflow.input.deadline}",
                        "total": 7,
                    },
                },
                {"name": "rest", "taskReferenceName": "rest", "type": "WAIT"},
            ]
            definition = {"name": "travel", "version": 1, "tasks": steps}
            assert (await client.post("/v1/workflows", json=definition)).status_code == 201
            yield client


async def started(client: httpx2.AsyncClient, to: Any, deadline: str | None = None) -> str:
    body = {"input": {"to": to, "deadline": deadline}}
    answer = await client.post("/v1/workflows/travel/executions", json=body)
    return answer.json()["id"]


async def asked(client: httpx2.AsyncClient, **query: Any) -> list[Any]:
    answer = await client.get("/v1/people", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["questions"]


async def test_what_waits_for_people(client: httpx2.AsyncClient):
    assert await asked(client) == []
    one = await started(client, "finance", "2 days")
    other = await started(client, ["anna", "finance", 3])
    nobody = await started(client, None)
    found = await asked(client)
    assert [each["executionId"] for each in found] == [one, other, nobody]
    assert [each["to"] for each in found] == [["finance"], ["anna", "finance"], []]
    first = found[0]
    assert (first["workflow"], first["ref"], first["task"]) == ("travel", "ask", "approve")
    assert first["deadline"] == first["since"] + 2 * 86_400_000
    assert first["input"]["total"] == 7
    assert found[1]["deadline"] == 0

    assert [each["executionId"] for each in await asked(client, to="finance")] == [one, other]
    assert [each["executionId"] for each in await asked(client, to="finance", limit=1)] == [one]
    assert await asked(client, to="bert") == []
    assert len(await asked(client, limit=2)) == 2


async def test_what_was_answered_waits_no_longer(client: httpx2.AsyncClient):
    one, other = await started(client, "anna"), await started(client, "anna")
    await client.post(f"/v1/executions/{one}/signal/ask", json={"output": {"ok": True}})
    assert [each["executionId"] for each in await asked(client)] == [other], "a WAIT asks nobody"
    await client.post(f"/v1/executions/{other}/terminate", json={"reason": "enough"})
    assert await asked(client) == []


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
async def test_a_limit_that_makes_no_sense_is_refused(client: httpx2.AsyncClient, limit: str):
    assert (await client.get("/v1/people", params={"limit": limit})).status_code == 400
