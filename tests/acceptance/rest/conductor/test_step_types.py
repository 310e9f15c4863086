"""Step types as Conductor's API shows them: START_WORKFLOW, DYNAMIC, and so on."""

from typing import Any

import pytest

from pavane.engine.engine import Engine
from tests.acceptance.rest.conductor.talk import Talk

pytestmark = pytest.mark.anyio


async def started(talk: Talk, *steps: dict[str, Any], **given: Any) -> str:
    """An execution of a workflow with these steps."""
    body = {"name": "made", "tasks": list(steps)}
    response = await talk.client.post("/metadata/workflow", json=body)
    assert response.status_code == 200, response.text
    return (await talk.client.post("/workflow/made", json=given)).text


async def ended(talk: Talk, engine: Engine, id: str) -> tuple[Any, dict[str, Any]]:
    """The workflow at its end, and its tasks by reference."""
    await engine.wait(id, 10)
    workflow = await talk.get(f"/workflow/{id}")
    return workflow, {task["referenceTaskName"]: task for task in workflow["tasks"]}


async def test_start_workflow(talk: Talk, engine: Engine):
    request = {"name": "booking", "input": {"id": "${workflow.input.id}"}, "correlationId": "c"}
    step = {"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW"}
    id = await started(talk, {**step, "inputParameters": {"startWorkflow": request}}, id=7)
    workflow, tasks = await ended(talk, engine, id)
    assert (workflow["status"], tasks["s"]["taskType"]) == ("COMPLETED", "START_WORKFLOW")
    other = await talk.get(f"/workflow/{tasks['s']['outputData']['workflowId']}")
    assert (other["workflowName"], other["status"], other["input"]) == (
        "booking",
        "RUNNING",
        {"id": 7},
    )
    assert (other["correlationId"], other.get("parentWorkflowId")) == ("c", None)


async def test_start_workflow_of_nothing(talk: Talk, engine: Engine):
    step = {"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW"}
    id = await started(talk, {**step, "inputParameters": {"startWorkflow": {"name": "nope"}}})
    workflow, tasks = await ended(talk, engine, id)
    assert (workflow["status"], tasks["s"]["status"]) == ("FAILED", "FAILED")
    assert "No such workflow found by name: nope" in tasks["s"]["reasonForIncompletion"]


DYNAMIC = {
    "name": "d",
    "taskReferenceName": "d",
    "type": "DYNAMIC",
    "dynamicTaskNameParam": "what",
    "inputParameters": {"what": "${workflow.input.what}"},
}


async def test_dynamic(talk: Talk, engine: Engine):
    id = await started(talk, DYNAMIC, what="book")
    await talk.work("book", "FAILED")
    (task,) = await talk.poll("book")
    assert (task["taskType"], task["taskDefName"], task["retryCount"]) == ("book", "book", 1)
    assert task["responseTimeoutSeconds"] == 30
    await talk.report(task, outputData={"seat": "3A"})
    workflow, tasks = await ended(talk, engine, id)
    assert (workflow["status"], workflow["output"]) == ("COMPLETED", {"seat": "3A"})
    assert tasks["d"]["workflowTask"]["dynamicTaskNameParam"] == "what"


async def test_dynamic_without_a_definition(talk: Talk, engine: Engine):
    workflow, tasks = await ended(talk, engine, await started(talk, DYNAMIC, what="juggle"))
    assert (workflow["status"], tasks["d"]["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert '"juggle"' in workflow["reasonForIncompletion"]


async def test_decision_and_exclusive_join(talk: Talk, engine: Engine):
    ways = {
        "name": "c",
        "taskReferenceName": "c",
        "type": "DECISION",
        "caseValueParam": "way",
        "inputParameters": {"way": "${workflow.input.way}"},
        "decisionCases": {"seat": [{"name": "book", "taskReferenceName": "seat"}]},
        "defaultCase": [{"name": "pay", "taskReferenceName": "fee"}],
    }
    meet = {
        "name": "m",
        "taskReferenceName": "m",
        "type": "EXCLUSIVE_JOIN",
        "joinOn": ["seat"],
        "defaultExclusiveJoinTask": ["fee"],
    }
    id = await started(talk, ways, meet, way="seat")
    await talk.work("book", seat="3A")
    workflow, tasks = await ended(talk, engine, id)
    assert (workflow["status"], workflow["output"]) == ("COMPLETED", {"seat": "3A"})
    assert tasks["c"]["outputData"]["caseOutput"] == ["seat"]
    assert tasks["m"]["outputData"] == {"seat": "3A"}
    assert tasks["m"]["workflowTask"]["defaultExclusiveJoinTask"] == ["fee"]


async def test_what_is_not_built_is_refused_by_name_in_a_loop_too(talk: Talk):
    inner = {"name": "a", "taskReferenceName": "a", "type": "DECISION", "caseExpression": "$.x"}
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [inner]}
    response = await talk.client.post("/metadata/workflow", json={"name": "x", "tasks": [loop]})
    paths = [each["path"] for each in response.json()["validationErrors"]]
    assert "tasks[0].loopOver[0].caseExpression" in paths


def fan(inputs: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": "f",
            "taskReferenceName": "f",
            "type": "FORK_JOIN_DYNAMIC",
            "inputParameters": inputs,
            **fields,
        },
        {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": []},
    ]


async def test_fork_join_dynamic_of_items(talk: Talk, engine: Engine):
    inputs = {"forkTaskName": "book", "forkTaskInputs": "${workflow.input.seats}", "more": 1}
    id = await started(talk, *fan(inputs), seats=[{"seat": "1A"}, "2B"])
    for task in await talk.poll("book"):
        await talk.report(task, outputData={"got": task["inputData"]})
    workflow, tasks = await ended(talk, engine, id)
    assert workflow["status"] == "COMPLETED"
    assert tasks["f"]["taskType"] == "FORK"
    assert tasks["f"]["inputData"]["forkedTasks"] == ["_book_0", "_book_1"]
    assert tasks["f"]["inputData"]["more"] == 1
    assert tasks["j"]["inputData"] == {"joinOn": ["_book_0", "_book_1"]}
    assert tasks["_book_1"]["inputData"] == {"input": "2B", "__index": 1}
    assert tasks["_book_1"]["workflowTask"]["taskReferenceName"] == "_book_1"
    both = {
        "_book_0": {"got": {"seat": "1A", "__index": 0}},
        "_book_1": {"got": {"input": "2B", "__index": 1}},
    }
    assert workflow["output"] == tasks["j"]["outputData"] == both


async def test_fork_join_dynamic_of_steps(talk: Talk, engine: Engine):
    inputs = {"steps": "${workflow.input.steps}", "inputs": "${workflow.input.inputs}"}
    names = {"dynamicForkTasksParam": "steps", "dynamicForkTasksInputParamName": "inputs"}
    steps = [
        {"name": "book", "taskReferenceName": "a", "type": "SIMPLE"},
        {"name": "w", "taskReferenceName": "w", "type": "WAIT"},
        {
            "name": "waiting",
            "taskReferenceName": "s",
            "type": "SUB_WORKFLOW",
            "subWorkflowParam": {"name": "waiting", "version": 1},
        },
    ]
    body = {"name": "waiting", "version": 1, "tasks": [steps[1]]}
    assert (await talk.client.post("/metadata/workflow", json=body)).status_code == 200
    id = await started(talk, *fan(inputs, **names), steps=steps, inputs={"a": {"seat": "1A"}})
    tasks = {t["referenceTaskName"]: t for t in (await talk.get(f"/workflow/{id}"))["tasks"]}
    assert tasks["w"]["status"] == "IN_PROGRESS"
    assert tasks["s"]["subWorkflowId"]
    (task,) = await talk.poll("book")
    assert task["inputData"] == {"seat": "1A"}
    await talk.report(task, "FAILED_WITH_TERMINAL_ERROR", reasonForIncompletion="full")
    workflow, tasks = await ended(talk, engine, id)
    assert (workflow["status"], workflow["reasonForIncompletion"]) == ("FAILED", "a: full")
    assert {tasks[ref]["status"] for ref in ("w", "s", "j")} == {"CANCELED"}


async def test_fork_join_dynamic_of_old_and_of_nothing(talk: Talk, engine: Engine):
    old = fan({"d": "${workflow.input}"}, dynamicForkJoinTasksParam="d")
    tasks = [{"taskName": "book", "referenceName": "a", "input": {"seat": "1A"}}]
    id = await started(talk, *old, dynamicTasks=tasks)
    await talk.work("book", ok=True)
    workflow, _ = await ended(talk, engine, id)
    assert (workflow["status"], workflow["output"]) == ("COMPLETED", {"a": {"ok": True}})
    again = (await talk.client.post("/workflow/made", json={})).text
    workflow, tasks = await ended(talk, engine, again)
    assert (workflow["status"], tasks["f"]["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "'d' lists no dynamicTasks" in workflow["reasonForIncompletion"]
    both = {"dynamicForkJoinTasksParam": "d", "dynamicForkTasksParam": "d"}
    body = {"name": "both", "tasks": fan({"d": []}, **both)}
    response = await talk.client.post("/metadata/workflow", json=body)
    assert response.status_code == 400
    assert "give one of them" in response.text
