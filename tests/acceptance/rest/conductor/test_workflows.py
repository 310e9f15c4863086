"""Executions over plain HTTP: started, told what to do, undone, searched."""

from typing import Any

import pytest

from tests.acceptance.rest.conductor.talk import Talk, check_error

pytestmark = pytest.mark.anyio


async def test_starts(talk: Talk):
    by_name = await talk.client.post("/workflow/booking?correlationId=c&priority=4", json={"id": 1})
    workflow = await talk.get(f"/workflow/{by_name.text}")
    expected = {
        "workflowName": "booking",
        "workflowVersion": 1,
        "status": "RUNNING",
        "input": {"id": 1},
        "output": {},
        "correlationId": "c",
        "priority": 4,
        "endTime": 0,
        "failedReferenceTaskNames": [],
    }
    assert {name: workflow[name] for name in expected} == expected
    assert workflow["createTime"] == workflow["startTime"] > 0
    assert workflow["workflowDefinition"]["name"] == "booking"
    assert not {"compensation", "parentWorkflowId"} & workflow.keys()
    assert (await talk.get(f"/workflow/{by_name.text}", includeTasks="false"))["tasks"] == []
    status = await talk.get(f"/workflow/{by_name.text}/status", includeOutput="true")
    assert status == {
        "workflowId": by_name.text,
        "status": "RUNNING",
        "correlationId": "c",
        "output": {},
    }


async def test_the_same_key_starts_once(talk: Talk):
    again: dict[str, Any] = {"idempotencyKey": "k", "idempotencyStrategy": "RETURN_EXISTING"}
    id = await talk.start(idempotencyKey="k", idempotencyStrategy="FAIL")
    assert await talk.start(**again) == id
    body = {"name": "booking", "idempotencyKey": "k", "idempotencyStrategy": "FAIL"}
    assert (await talk.client.post("/workflow", json=body)).status_code == 409
    assert (await talk.get(f"/workflow/{id}"))["idempotencyKey"] == "k"
    assert (await talk.get("/workflow/search"))["totalHits"] == 1
    body["idempotencyStrategy"] = "FAIL_ON_RUNNING"
    refused = await talk.client.post("/workflow", json=body)
    assert refused.status_code == 409
    assert id in refused.json()["message"]
    await talk.client.delete(f"/workflow/{id}")
    other = await talk.start(idempotencyKey="k", idempotencyStrategy="FAIL_ON_RUNNING")
    assert other != id
    assert await talk.start(**again) == other
    assert [(await talk.get(f"/workflow/{each}"))["idempotencyKey"] for each in (id, other)] == [
        "k",
        "k",
    ]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Validation failed, check below errors for detail."),
        ({"name": "nope"}, 404, "No such workflow found by name: nope"),
        (
            {"name": "booking", "version": 9},
            404,
            "No such workflow found by name: booking, version: 9",
        ),
        (
            {"name": "booking", "taskToDomain": {"*": "d"}},
            400,
            "Pavane does not have `taskToDomain` yet. Leave it out.",
        ),
    ],
)
async def test_bad_starts(talk: Talk, body: dict[str, Any], status: int, message: str):
    check_error(await talk.client.post("/workflow", json=body), status, message)
    assert (await talk.get("/workflow/search"))["totalHits"] == 0


async def test_pause_resume_terminate_retry(talk: Talk):
    id = await talk.start()
    for verb, status in (("pause", "PAUSED"), ("pause", "PAUSED"), ("resume", "RUNNING")):
        response = await talk.client.put(f"/workflow/{id}/{verb}")
        assert (response.status_code, response.content) == (200, b"")
        assert (await talk.get(f"/workflow/{id}"))["status"] == status
    assert (await talk.client.put(f"/workflow/{id}/resume")).status_code == 409
    assert (await talk.client.post(f"/workflow/{id}/retry")).status_code == 409
    response = await talk.client.delete(f"/workflow/{id}?reason=enough")
    assert (response.status_code, response.content) == (200, b"")
    workflow = await talk.get(f"/workflow/{id}")
    assert (workflow["status"], workflow["reasonForIncompletion"]) == ("TERMINATED", "enough")
    assert (await talk.client.delete(f"/workflow/{id}")).status_code == 200, "it is already"
    assert (await talk.client.post(f"/workflow/{id}/retry")).status_code == 204
    await talk.work("book")
    await talk.work("pay")
    response = await talk.client.delete(f"/workflow/{id}")
    check_error(response, 409, "Cannot terminate a COMPLETED workflow.")


async def test_what_is_undone_reads_in_conductors_words(talk: Talk):
    id = await talk.start(input={"id": 7})
    await talk.work("book", seat="3A")
    await talk.work("pay", "FAILED_WITH_TERMINAL_ERROR")
    workflow = await talk.get(f"/workflow/{id}")
    assert workflow["status"] == "RUNNING"
    assert workflow["compensation"]["status"] == "COMPENSATING"
    await talk.work("unbook")
    workflow = await talk.get(f"/workflow/{id}")
    assert workflow["status"] == "FAILED"
    assert workflow["failedReferenceTaskNames"] == ["pay"]
    assert workflow["compensation"] == {
        "status": "COMPENSATED",
        "cause": "FAILED",
        "failedReferenceTaskName": "pay",
        "undone": ["seat"],
        "attention": [],
    }
    undo = workflow["tasks"][-1]
    assert (undo["referenceTaskName"], undo["undoes"]) == ("undo:seat", "seat")
    assert (await talk.get(f"/tasks/{undo['taskId']}"))["status"] == "COMPLETED"
    for status, hits in (("FAILED", 1), ("TERMINATED", 0), ("COMPENSATED", 0), ("RUNNING", 0)):
        found = await talk.get("/workflow/search", query=f"status={status}")
        assert found["totalHits"] == hits, status


async def test_an_undo_that_gives_up_needs_a_person(talk: Talk):
    id = await talk.start(input={"id": 7})
    await talk.work("book", seat="3A")
    await talk.work("pay", "FAILED_WITH_TERMINAL_ERROR")
    await talk.work("unbook", "FAILED")
    workflow = await talk.get(f"/workflow/{id}")
    compensation = workflow["compensation"]
    assert (workflow["status"], compensation["status"]) == ("RUNNING", "NEEDS_ATTENTION")
    assert [each["ref"] for each in compensation["attention"]] == ["undo:seat"]


async def test_search(talk: Talk):
    ids = [await talk.start(correlationId=f"c{number}") for number in range(5)]
    newest_first = sorted(ids, reverse=True)
    page = await talk.get("/workflow/search", start=1, size=2)
    assert page["totalHits"] == 5
    assert [each["workflowId"] for each in page["results"]] == newest_first[1:3]
    line = page["results"][0]
    assert (line["workflowType"], line["version"], line["status"]) == ("booking", 1, "RUNNING")
    assert (line["input"], line["startTime"][-1]) == ("{}", "Z")

    async def hits(query: str, **more: Any) -> list[str]:
        found = await talk.get("/workflow/search", query=query, **more)
        return [each["workflowId"] for each in found["results"]]

    assert await hits("correlationId='c3'") == [ids[3]]
    two = sorted(ids[1:3], reverse=True)
    assert await hits("correlationId IN (c1, 'c2') AND status IN (RUNNING)") == two
    assert await hits("workflowType=book* AND correlationId=c0") == [ids[0]]
    assert await hits("workflowType=nope") == []
    at = (await talk.get(f"/workflow/{ids[0]}"))["startTime"]
    assert len(await hits(f"startTime>{at - 1} AND startTime<{at + 60_000}")) == 5
    assert await hits(f"startTime<{at}") == []
    assert await hits("", sort="correlationId:ASC", size=1) == [ids[0]]

    for query in ("nonsense", "colour=red", "startTime>soon", "status>RUNNING"):
        response = await talk.client.get("/workflow/search", params={"query": query})
        assert response.status_code == 400, query
    response = await talk.client.get("/workflow/search?freeText=byrd")
    check_error(response, 400, "Pavane does not search by free text yet. Use `query`.")


async def test_running_and_correlated(talk: Talk):
    one, two = await talk.start(correlationId="c"), await talk.start(correlationId="c")
    await talk.client.delete(f"/workflow/{one}")
    assert await talk.get("/workflow/running/booking") == [two]
    found = await talk.get("/workflow/booking/correlated/c")
    assert [each["workflowId"] for each in found] == [two]
    found = await talk.get("/workflow/booking/correlated/c", includeClosed="true")
    assert {each["workflowId"] for each in found} == {one, two}
    response = await talk.client.post("/workflow/booking/correlated", json=["c", "d"])
    assert {key: len(each) for key, each in response.json().items()} == {"c": 1, "d": 0}
    page = await talk.get(f"/workflow/{two}/tasks", status="SCHEDULED")
    assert (page["totalHits"], page["results"][0]["referenceTaskName"]) == (1, "seat")
    assert (await talk.client.put(f"/workflow/decide/{two}")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/workflow/nope"),
        ("GET", "/workflow/nope/status"),
        ("GET", "/workflow/nope/tasks"),
        ("PUT", "/workflow/nope/pause"),
        ("PUT", "/workflow/nope/resume"),
        ("POST", "/workflow/nope/retry"),
        ("DELETE", "/workflow/nope"),
        ("PUT", "/workflow/decide/nope"),
        ("POST", "/tasks/nope/ref/COMPLETED"),
    ],
)
async def test_an_unknown_id(talk: Talk, method: str, path: str):
    response = await talk.client.request(method, path)
    check_error(response, 404, "No such workflow found by id: nope")


async def test_what_has_ended_is_removed_and_what_goes_on_is_not(talk: Talk):
    id, other = await talk.start(), await talk.start()
    early = await talk.client.delete(f"/workflow/{id}/remove")
    check_error(
        early,
        409,
        f"Execution {id} is RUNNING: it has not ended. Let it end, or terminate it first.",
    )
    await talk.client.delete(f"/workflow/{id}")
    assert (await talk.client.delete(f"/workflow/{id}/remove?archiveWorkflow=false")).is_success
    assert (await talk.client.get(f"/workflow/{id}")).status_code == 404
    assert (await talk.client.delete(f"/workflow/{id}/remove")).status_code == 404
    assert (await talk.get("/workflow/search"))["totalHits"] == 1
    assert (await talk.get(f"/workflow/{other}"))["status"] == "RUNNING"
