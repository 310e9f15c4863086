"""Workers over plain HTTP: poll, update, leases, and results that come too late."""

import asyncio
import time
from typing import Any

import pytest

from pavane.engine.engine import Engine
from tests.acceptance.rest.conductor.talk import Talk, check_error

pytestmark = pytest.mark.anyio


async def test_a_task_as_a_worker_sees_it(talk: Talk):
    assert (await talk.client.get("/tasks/poll/book?workerid=w1")).status_code == 204
    assert await talk.poll("book") == []
    id = await talk.start(input={"id": 7}, correlationId="c", priority=3)
    response = await talk.client.get("/tasks/poll/book?workerid=w1")
    task = response.json()
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    expected = {
        "taskType": "book",
        "taskDefName": "book",
        "status": "IN_PROGRESS",
        "referenceTaskName": "seat",
        "retryCount": 0,
        "pollCount": 1,
        "workflowInstanceId": id,
        "workflowType": "booking",
        "workerId": "w1",
        "correlationId": "c",
        "workflowPriority": 3,
        "responseTimeoutSeconds": 30,
        "inputData": {"id": 7, "note": None},
        "outputData": {},
    }
    assert {name: task[name] for name in expected} == expected
    assert task["scheduledTime"] <= task["startTime"] == task["updateTime"]
    assert "reasonForIncompletion" not in task, "what has no value is left out"
    assert (await talk.get(f"/tasks/{task['taskId']}"))["workflowTask"]["name"] == "book"
    assert await talk.poll("book") == [], "it is leased"


async def test_a_run_from_start_to_end(talk: Talk):
    id = await talk.start(input={"id": 7})
    await talk.work("book", seat="3A")
    await talk.work("pay")
    workflow = await talk.get(f"/workflow/{id}")
    assert (workflow["status"], workflow["output"]) == ("COMPLETED", {"seat": "3A"})
    assert [task["status"] for task in workflow["tasks"]] == ["COMPLETED", "COMPLETED"]


async def test_update_v2_gives_the_next_task_of_the_same_type(talk: Talk):
    ids = {await talk.start(input={"id": number}) for number in range(2)}
    (first,) = await talk.poll("book", count=1)
    response = await talk.client.post("/tasks/update-v2", json=completed(first))
    assert response.status_code == 200
    second = response.json()
    assert {first["workflowInstanceId"], second["workflowInstanceId"]} == ids
    assert (second["status"], second["workerId"]) == ("IN_PROGRESS", "w1")
    response = await talk.client.post("/tasks/update-v2", json=completed(second))
    assert (response.status_code, response.content) == (204, b"")


def completed(task: Any) -> dict[str, Any]:
    body = {name: task[name] for name in ("workflowInstanceId", "taskId", "workerId")}
    return {**body, "status": "COMPLETED"}


async def test_a_failed_attempt_is_a_record_of_its_own(talk: Talk):
    id = await talk.start()
    await talk.work("book", "FAILED")
    await talk.work("book")
    first, second, _pay = (await talk.get(f"/workflow/{id}"))["tasks"]
    assert (first["status"], first["retried"], first["retryCount"]) == ("FAILED", True, 0)
    assert (second["status"], second["retryCount"]) == ("COMPLETED", 1)
    assert second["retriedTaskId"] == first["taskId"]


async def test_a_late_result_changes_nothing_and_says_so(talk: Talk):
    """Conductor answers 200, and its SDK would try any error again for a minute."""
    id = await talk.start()
    (task,) = await talk.poll("book")
    assert (await talk.report(task, "FAILED")).status_code == 200
    before = await talk.get(f"/workflow/{id}")
    late = await talk.report(task)
    assert (late.status_code, late.text) == (200, task["taskId"])
    assert late.headers["pavane-ignored"] == "Attempt 0 is over: attempt 1 is SCHEDULED."
    assert await talk.get(f"/workflow/{id}") == before
    (again,) = await talk.poll("book", "w2")
    assert (await talk.report(again)).status_code == 200
    late = await talk.report(again)
    assert late.headers["pavane-ignored"] == "The task is COMPLETED."


async def test_only_the_holder_is_heard(talk: Talk):
    await talk.start()
    (first,) = await talk.poll("book", "w1")
    await talk.report(first, "IN_PROGRESS", callbackAfterSeconds=0)
    (second,) = await talk.poll("book", "w2")
    assert (second["taskId"], second["pollCount"]) == (first["taskId"], 2)
    for status in ("IN_PROGRESS", "COMPLETED"):
        ignored = (await talk.report(first, status)).headers["pavane-ignored"]
        assert ignored == "The task was given to another worker meanwhile."
    lease = await talk.report(first, extendLease=True)
    assert lease.headers["pavane-ignored"] == ignored
    assert "pavane-ignored" not in (await talk.report(second, extendLease=True)).headers
    assert "pavane-ignored" not in (await talk.report(second)).headers


async def test_who_polls_without_a_name_may_report_with_one(talk: Talk):
    await talk.start()
    task = (await talk.client.get("/tasks/poll/book")).json()
    assert "workerId" not in task
    assert "pavane-ignored" not in (await talk.report({**task, "workerId": "x"})).headers


async def test_a_task_is_called_back_later(talk: Talk):
    id = await talk.start()
    (task,) = await talk.poll("book")
    await talk.report(task, "IN_PROGRESS", callbackAfterSeconds=600, outputData={"page": 1})
    assert await talk.poll("book") == []
    shown = await talk.get(f"/tasks/{task['taskId']}")
    assert (shown["status"], shown["outputData"]) == ("SCHEDULED", {"page": 1})
    # Somebody else may bring the result meanwhile: it was given back.
    response = await talk.client.post(f"/tasks/{id}/seat/COMPLETED?workerid=x", json={"seat": 1})
    assert (response.status_code, response.text) == (200, task["taskId"])
    assert (await talk.client.post(f"/tasks/{id}/seat/COMPLETED", json={})).text == ""
    sync = await talk.client.post(f"/tasks/{id}/pay/COMPLETED/sync", json={})
    assert (sync.status_code, sync.json()["status"]) == (200, "COMPLETED")
    again = await talk.client.post(f"/tasks/{id}/pay/COMPLETED/sync", json={})
    check_error(again, 404, f"Found no running task pay of workflow {id} to update")


async def test_a_step_is_settled_by_whoever_knows_its_name(talk: Talk):
    id = await talk.start()
    (task,) = await talk.poll("book", "w1")
    path = f"/tasks/{id}/seat"
    assert (await talk.client.post(f"{path}/IN_PROGRESS?workerid=x", json={})).text == ""
    assert (await talk.get(f"/tasks/{task['taskId']}"))["workerId"] == "w1", "it keeps its task"
    assert (await talk.client.post(f"{path}/COMPLETED?workerid=x", json={})).text == task["taskId"]
    assert (await talk.report(task)).headers["pavane-ignored"] == "The task is COMPLETED."


async def test_a_poll_waits_for_a_task(talk: Talk, engine: Engine):
    """News of a task wakes the poll: it does not look again and again."""
    waiting = asyncio.create_task(talk.poll("book", timeout=5000))
    others = [asyncio.create_task(talk.poll("book", timeout=300)) for _ in range(20)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    id = await talk.start()
    found = await asyncio.wait_for(waiting, 4)
    assert [task["workflowInstanceId"] for task in found] == [id]
    assert time.monotonic() - began < 2
    assert not any(await asyncio.gather(*others))


async def test_a_wait_is_settled_like_a_task(talk: Talk):
    steps = [{"name": "wait", "taskReferenceName": "answer", "type": "WAIT"}]
    await talk.client.post("/metadata/workflow", json={"name": "ask", "tasks": steps})
    id = (await talk.client.post("/workflow/ask")).text
    (task,) = (await talk.get(f"/workflow/{id}"))["tasks"]
    assert (task["taskType"], task["status"]) == ("WAIT", "IN_PROGRESS")
    assert "pavane-ignored" not in (await talk.report(task, outputData={"by": "Byrd"})).headers
    assert (await talk.get(f"/workflow/{id}"))["output"] == {"by": "Byrd"}


async def ask_a_person(talk: Talk, **inputs: Any) -> tuple[str, Any]:
    """An execution that waits for a person, and the task with which it does."""
    step = {"name": "approve", "taskReferenceName": "ask", "type": "HUMAN"}
    steps = [{**step, "inputParameters": inputs}]
    await talk.client.post("/metadata/workflow", json={"name": "ask", "tasks": steps})
    id = (await talk.client.post("/workflow/ask")).text
    (task,) = (await talk.get(f"/workflow/{id}"))["tasks"]
    return id, task


async def test_a_person_is_asked_and_answers(talk: Talk):
    id, task = await ask_a_person(talk, to="finance", total=7)
    assert (task["taskType"], task["taskDefName"]) == ("HUMAN", "approve")
    assert (task["status"], task["inputData"]) == ("IN_PROGRESS", {"to": "finance", "total": 7})
    assert await talk.get("/tasks/queue/all") == {}, "no worker takes it"
    assert "pavane-ignored" not in (await talk.report(task, outputData={"ok": True})).headers
    assert (await talk.get(f"/workflow/{id}"))["output"] == {"ok": True}
    assert "pavane-ignored" in (await talk.report(task, outputData={"ok": False})).headers


async def test_a_person_answers_by_the_name_of_the_step(talk: Talk):
    id, task = await ask_a_person(talk)
    response = await talk.client.post(f"/tasks/{id}/ask/COMPLETED", json={"ok": True})
    assert (response.status_code, response.text) == (200, task["taskId"])
    assert (await talk.get(f"/workflow/{id}"))["output"] == {"ok": True}


async def test_a_person_refuses(talk: Talk):
    id, task = await ask_a_person(talk)
    await talk.report(task, "FAILED", reasonForIncompletion="too expensive")
    workflow = await talk.get(f"/workflow/{id}")
    assert (workflow["status"], workflow["reasonForIncompletion"]) == (
        "FAILED",
        "ask: too expensive",
    )
    assert workflow["tasks"][0]["reasonForIncompletion"] == "too expensive"


async def test_nobody_answers(talk: Talk, engine: Engine):
    id, _ = await ask_a_person(talk, deadline="0.01s", onDeadline="continue")
    await engine.wait(id, 10)
    workflow = await talk.get(f"/workflow/{id}")
    (task,) = workflow["tasks"]
    assert (workflow["status"], workflow["output"]) == ("COMPLETED", {})
    assert (task["status"], task["outputData"]) == ("COMPLETED", {})


@pytest.mark.parametrize("logs", [None, [], [{"log": "a line", "taskId": "t"}]])
async def test_logs_are_not_kept_and_that_is_said(talk: Talk, logs: Any):
    await talk.start()
    (task,) = await talk.poll("book")
    response = await talk.report(task, logs=logs, outputData=None, callbackAfterSeconds=None)
    assert (response.status_code, response.text) == (200, task["taskId"])
    assert response.headers.get("pavane-ignored") == ("logs" if logs else None)
    assert (await talk.get(f"/tasks/{task['taskId']}"))["outputData"] == {}


async def test_queues(talk: Talk):
    await talk.start()
    sizes = await talk.client.get("/tasks/queue/sizes?taskType=book&taskType=pay")
    assert sizes.json() == {"book": 1, "pay": 0}
    assert await talk.get("/tasks/queue/size", taskType="book") == 1
    assert await talk.get("/tasks/queue/all") == {"book": 1}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"taskId": ""}, 400, "Validation failed, check below errors for detail."),
        ({"workflowInstanceId": None}, 400, "Validation failed, check below errors for detail."),
        ({"status": None}, 400, "Validation failed, check below errors for detail."),
        (
            {"status": "IN_PROGRESS", "callbackAfterSeconds": 1e300},
            400,
            "The body does not fit: Expected `float` <= 3162240000.0 - at "
            "`$.callbackAfterSeconds`.",
        ),
        ({"taskId": "nope"}, 404, "No such task found by id: nope"),
        (
            {"workflowInstanceId": "x", "taskId": "x.~d800~.0"},
            404,
            "No such task found by id: x.~d800~.0",
        ),
        ({"workflowInstanceId": "x", "taskId": "x.a.0"}, 404, "No such workflow found by id: x"),
        (
            {"subWorkflowId": "x"},
            400,
            "Pavane takes neither externalOutputPayloadStoragePath nor subWorkflowId. "
            "Send the output itself.",
        ),
    ],
)
async def test_bad_results(talk: Talk, change: dict[str, Any], status: int, message: str):
    await talk.start()
    (task,) = await talk.poll("book")
    check_error(await talk.report(task, **change), status, message)
    assert (await talk.get(f"/tasks/{task['taskId']}"))["status"] == "IN_PROGRESS"


async def test_bad_polls(talk: Talk):
    name = "local/inventory"
    response = await talk.client.get("/tasks/poll/book", params={"workerid": name})
    check_error(
        response,
        400,
        f"The workerid '{name}' is that of a worker of Pavane's own: use another.",
    )
    response = await talk.client.get("/tasks/poll/book?domain=d")
    check_error(response, 400, "Pavane does not have task domains yet. Poll without `domain`.")
    assert (await talk.client.get("/tasks/poll/batch/book?timeout=5001")).status_code == 400
    check_error(await talk.client.get("/tasks/nope"), 404, "Task not found for taskId: nope")
