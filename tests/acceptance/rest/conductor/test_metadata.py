"""Definitions over plain HTTP, what is refused in them, and the API as a whole."""

import re
from pathlib import Path
from typing import Any

import pytest

from pavane.doors.rest.conductor.absent import ABSENT
from pavane.doors.rest.conductor.routes import ROUTES
from tests.acceptance.rest.conductor.talk import BOOKING, Talk, check_error

pytestmark = pytest.mark.anyio

INVALID = "Validation failed, check below errors for detail."
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "conductor.md"


async def test_workflow_definitions(talk: Talk):
    definition = await talk.get("/metadata/workflow/booking")
    assert definition["createTime"] > 0
    assert (definition["version"], definition["timeoutPolicy"]) == (1, "ALERT_ONLY")
    seat = definition["tasks"][0]
    assert seat["inputParameters"] == {"id": "${workflow.input.id}", "note": None}
    assert (seat["optional"], seat["startDelay"]) == (False, 0), "defaults are written out"
    # What was given out is taken back.
    newer = {**definition, "version": 2}
    response = await talk.client.put("/metadata/workflow", json=[newer, {"name": "no"}])
    assert response.json() == {
        "bulkSuccessfulResults": ["booking"],
        "bulkErrorResults": {"no": f"{INVALID} tasks: WorkflowTask list cannot be empty"},
        "message": "Bulk Request has been processed.",
    }
    versions = [each["version"] for each in await talk.get("/metadata/workflow")]
    assert versions == [1, 2]
    assert (await talk.get("/metadata/workflow/booking"))["version"] == 2
    assert (await talk.get("/metadata/workflow/booking", version=1))["version"] == 1
    (latest,) = await talk.get("/metadata/workflow/latest-versions")
    assert latest["version"] == 2
    names = await talk.get("/metadata/workflow/names-and-versions")
    assert [each["version"] for each in names["booking"]] == [1, 2]


async def test_a_name_and_version_is_taken_once(talk: Talk):
    response = await talk.client.post("/metadata/workflow", json=BOOKING)
    check_error(response, 409, "Workflow with booking.1 already exists!")
    other = {**BOOKING, "outputParameters": {}}
    assert (await talk.client.post("/metadata/workflow?overwrite=true", json=other)).is_success
    assert (await talk.get("/metadata/workflow/booking"))["outputParameters"] == {}


async def test_task_definitions(talk: Talk):
    book = await talk.get("/metadata/taskdefs/book")
    assert (book["retryCount"], book["retryLogic"], book["timeoutSeconds"]) == (1, "FIXED", 0)
    assert [each["name"] for each in await talk.get("/metadata/taskdefs")] == [
        "book",
        "pay",
        "unbook",
    ]
    assert (await talk.client.put("/metadata/taskdefs", json={**book, "retryCount": 5})).is_success
    assert (await talk.get("/metadata/taskdefs/book"))["retryCount"] == 5
    missing = "No such taskType found by name: nope"
    check_error(await talk.client.get("/metadata/taskdefs/nope"), 404, missing)
    response = await talk.client.put("/metadata/taskdefs", json={"name": "nope"})
    check_error(response, 404, missing)


STEP = {"name": "a", "taskReferenceName": "a"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": None}, "name"),
        ({"tasks": []}, "tasks"),
        ({"rateLimitConfig": {"rateLimitKey": "k"}}, ""),
        ({"rateLimitConfig": {"concurrentExecLimit": 1, "policy": "DROP"}}, ""),
        ({"rateLimitConfig": {"concurrentExecLimit": "1"}}, ""),
        ({"tasks": [{**STEP, "cacheConfig": {"key": "k"}}]}, "tasks[0].cacheConfig"),
        (
            {"tasks": [{**STEP, "type": "SWITCH", "defaultCase": [{**STEP, "rateLimited": True}]}]},
            "tasks[0].defaultCase[0].rateLimited",
        ),
        ({"enforceSchema": True, "inputSchema": {"name": "s"}}, "inputSchema"),
        ({"tasks": [{**STEP, "type": "LAMBDA"}]}, ""),
        ({"timeoutSeconds": "soon"}, ""),
    ],
)
async def test_what_is_not_honoured_is_refused(talk: Talk, change: dict[str, Any], path: str):
    body = {"name": "other", "tasks": [STEP], **change}
    response = await talk.client.post("/metadata/workflow", json=body)
    found = check_error(response, 400, INVALID)["validationErrors"]
    assert path in {each["path"] for each in found}, found
    assert all(each["message"] for each in found)
    assert len(await talk.get("/metadata/workflow")) == 1


async def test_a_task_definition_that_is_not_honoured_is_refused(talk: Talk):
    wrong = {"name": "x", "isolationGroupId": "slow"}
    response = await talk.client.post("/metadata/taskdefs", json=[wrong])
    (found,) = check_error(response, 400, INVALID)["validationErrors"]
    assert found["path"] == "[0].isolationGroupId"
    harmless = {"name": "x", "concurrentExecLimit": 0, "rateLimitPerFrequency": None}
    assert (await talk.client.post("/metadata/taskdefs", json=[harmless])).is_success


async def test_the_shape_of_every_error(talk: Talk):
    response = await talk.client.get("/nowhere")
    check_error(response, 404, "No static resource api/nowhere.")
    response = await talk.client.post("/version")
    check_error(response, 405, "Request method 'POST' is not supported")
    response = await talk.client.post("/workflow", content=b'{"name": ')
    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    response = await talk.client.post("/workflow", content=b"[" * 5000)
    assert response.status_code == 400
    response = await talk.client.post("/token", json={"keyId": "k", "keySecret": "s"})
    assert response.status_code == 404, "which makes clients go on without a token"
    assert (await talk.get("/health"))["healthy"] is True
    assert re.fullmatch(r"[0-9.a-z]+", (await talk.client.get("/version")).text)


async def test_what_is_absent_says_so(talk: Talk):
    for method, path, what in ABSENT:
        response = await talk.client.request(method, re.sub(r"{\w+}", "x", path))
        message = f"Pavane does not have {what} yet. See docs/reference/conductor.md."
        check_error(response, 501, message)
        assert what in PAGE.read_text("utf-8"), f"{what} is not on the page"


async def test_openapi(talk: Talk):
    document = await talk.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    absent = {(method, path) for method, path, _ in ABSENT}
    routed = {
        (method, route.path) for route in ROUTES for method in (route.methods or set()) - {"HEAD"}
    } - absent
    described = {
        (method.upper(), path.removeprefix("/api"))
        for path, of_path in document["paths"].items()
        for method in of_path
    }
    assert routed - described == {("GET", "/openapi.json")}
    assert described <= routed
    page = PAGE.read_text("utf-8")
    for method, path in described:
        assert f"`{method} /api{path}`" in page, f"{method} {path} is not on the page"
