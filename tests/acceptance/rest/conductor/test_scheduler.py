"""Conductor's scheduler: made, looked at, paused with both verbs, removed; what it starts."""

from typing import Any

import pytest

from tests.acceptance.rest.conductor.talk import Talk

pytestmark = pytest.mark.anyio

SCHEDULE: dict[str, Any] = {
    "name": "nightly",
    "cronExpression": "0 0 3 * * ?",
    "zoneId": "Europe/Zurich",
    "startWorkflowRequest": {"name": "booking", "input": {"id": 7}, "priority": 4},
}


async def test_made_looked_at_and_removed(talk: Talk):
    assert (await talk.client.post("/scheduler/schedules", json=SCHEDULE)).status_code == 200
    found = await talk.get("/scheduler/schedules/nightly")
    assert found["cronExpression"] == "0 0 3 * * ?"
    assert found["startWorkflowRequest"] == SCHEDULE["startWorkflowRequest"]
    assert not found["paused"]
    assert found["nextRunTime"] > found["createTime"] > 0
    few = await talk.get(
        "/scheduler/nextFewSchedules",
        cronExpression="0 0 3 * * ?",
        scheduleStartTime=found["createTime"],
        limit=3,
    )
    assert len(few) == 3
    assert few[1] - few[0] == few[2] - few[1] == 86_400_000
    assert await talk.get("/scheduler/schedules", workflowName="booking") == [found]
    assert await talk.get("/scheduler/schedules", workflowName="other") == []
    assert await talk.get("/scheduler/schedules/search") == {"totalHits": 1, "results": [found]}
    for verb in ("PUT", "GET"):
        for action, paused in (("pause", True), ("resume", False)):
            answer = await talk.client.request(verb, f"/scheduler/schedules/nightly/{action}")
            assert answer.status_code == 200
            assert (await talk.get("/scheduler/schedules/nightly"))["paused"] is paused
    assert (await talk.client.delete("/scheduler/schedules/nightly")).status_code == 200
    assert (await talk.client.get("/scheduler/schedules/nightly")).status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": None}, 400),
        ({"cronExpression": "0 3 * * *"}, 400),
        ({"zoneId": "Mars/Olympus"}, 400),
        ({"startWorkflowRequest": {}}, 400),
        ({"startWorkflowRequest": {"name": "booking", "idempotencyKey": "k"}}, 400),
    ],
)
async def test_what_is_refused(talk: Talk, change: dict[str, Any], status: int):
    answer = await talk.client.post("/scheduler/schedules", json={**SCHEDULE, **change})
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert await talk.get("/scheduler/schedules") == []
