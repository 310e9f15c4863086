"""Conductor's own Python SDK, unmodified, as a foreign judge of the served API."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.switch_task import SwitchTask

from tests.acceptance.cli.processes import background

LIMIT_S = 40.0

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # its own


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configuration]:
    """A real server on a loopback port."""
    folder = tmp_path_factory.mktemp("server")
    with background(folder, "server", "--port", "0", "--store", "memory:") as server:
        yield Configuration(server_api_url=f"{server.url}/api")


@pytest.fixture(scope="module")
def metadata(configuration: Configuration) -> Any:
    return OrkesMetadataClient(configuration)


@pytest.fixture(scope="module")
def workflows(configuration: Configuration) -> Any:
    return OrkesWorkflowClient(configuration)


@pytest.fixture(scope="module")
def tasks(configuration: Configuration) -> Any:
    return OrkesTaskClient(configuration)


@pytest.fixture
def name(metadata: Any) -> str:
    """A workflow of two steps under a name of its own, which its tasks begin with."""
    name = f"booking_{uuid4().hex[:8]}"
    for task in ("book", "pay"):
        metadata.register_task_def(TaskDef(name=f"{name}_{task}", retry_count=0))
    steps = [
        WorkflowTask(
            name=f"{name}_book",
            task_reference_name="seat",
            input_parameters={"id": "${workflow.input.id}"},
        ),
        WorkflowTask(name=f"{name}_pay", task_reference_name="pay"),
    ]
    output = {"seat": "${seat.output.seat}"}
    definition = WorkflowDef(name=name, version=1, tasks=steps, output_parameters=output)
    metadata.register_workflow_def(definition, overwrite=False)
    return name


def until(what: Callable[[], Any]) -> Any:
    """The first true answer."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise AssertionError("it did not come in time")


def nothing(task: Any) -> bool:
    """The SDK makes an empty task of 204."""
    return task is None or task.task_id is None


def refused(status: int, call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """The message of a call that must be refused with this status."""
    with pytest.raises(ApiException) as caught:
        call(*arguments, **named)
    assert caught.value.status == status, caught.value
    return str(caught.value.message)


def test_definitions(metadata: Any, name: str):
    found = metadata.get_workflow_def(name)
    assert (found.name, found.version) == (name, 1)
    assert [step.task_reference_name for step in found.tasks] == ["seat", "pay"]
    assert found.tasks[0].input_parameters == {"id": "${workflow.input.id}"}
    assert name in {each.name for each in metadata.get_all_workflow_defs()}
    message = refused(409, metadata.register_workflow_def, found, overwrite=False)
    assert message == f"Workflow with {name}.1 already exists!"
    found.version = 2
    metadata.update_workflow_def(found)
    assert metadata.get_workflow_def(name).version == 2
    assert metadata.get_workflow_def(name, 1).version == 1
    message = refused(404, metadata.get_workflow_def, name, 9)
    assert message == f"No such workflow found by name: {name}, version: 9"

    task = metadata.get_task_def(f"{name}_pay")
    assert (task.retry_count, task.response_timeout_seconds) == (0, 3600)
    task.retry_count = 4
    metadata.update_task_def(task)
    assert metadata.get_task_def(task.name).retry_count == 4
    assert task.name in {each.name for each in metadata.get_all_task_defs()}
    refused(404, metadata.update_task_def, TaskDef(name=f"{name}_nope"))
    refused(501, metadata.unregister_workflow_def, name, 1)
    refused(501, metadata.unregister_task_def, task.name)


def test_a_worker_by_hand(workflows: Any, tasks: Any, name: str):
    assert nothing(tasks.poll_task(f"{name}_book", "w1"))
    id = workflows.start_workflow_by_name(name, {"id": 7}, version=1, correlationId="c")
    assert tasks.get_queue_size_for_task(f"{name}_book") == 1
    task = tasks.poll_task(f"{name}_book", "w1")
    assert (task.input_data, task.workflow_instance_id) == ({"id": 7}, id)
    assert (task.status, task.worker_id, task.correlation_id) == ("IN_PROGRESS", "w1", "c")
    stored = tasks.get_task(task.task_id)
    assert (stored.reference_task_name, stored.workflow_task.name) == ("seat", f"{name}_book")
    result = TaskResult(
        workflow_instance_id=id,
        task_id=task.task_id,
        worker_id="w1",
        status="COMPLETED",
        output_data={"seat": "3A"},
    )
    assert tasks.update_task(result) == task.task_id
    assert tasks.update_task(result) == task.task_id, "said twice, heard once"
    (task,) = tasks.batch_poll_tasks(f"{name}_pay", "w1", 5, 1000)
    assert tasks.batch_poll_tasks(f"{name}_pay", "w1", 5, 100) == []
    workflow = tasks.update_task_sync(id, "pay", "COMPLETED", {})
    assert (workflow.status, workflow.output) == ("COMPLETED", {"seat": "3A"})
    found = workflows.get_workflow(id)
    assert [(task.reference_task_name, task.status) for task in found.tasks] == [
        ("seat", "COMPLETED"),
        ("pay", "COMPLETED"),
    ]
    assert (found.workflow_name, found.workflow_version, found.correlation_id) == (name, 1, "c")
    refused(404, tasks.get_task, "nope")


def test_pause_resume_terminate_retry(workflows: Any, tasks: Any, name: str):
    request = StartWorkflowRequest(name=name, input={"id": 1}, priority=5)
    id = workflows.start_workflow(request)
    workflows.pause_workflow(id)
    assert workflows.get_workflow_status(id).status == "PAUSED"
    assert tasks.update_task_by_ref_name(id, "seat", "COMPLETED", "3A")
    assert nothing(tasks.poll_task(f"{name}_pay", "w1")), "nothing new is scheduled"
    workflows.resume_workflow(id)
    task = tasks.poll_task(f"{name}_pay", "w1")
    assert task.workflow_priority == 5
    refused(409, workflows.retry_workflow, id)
    workflows.terminate_workflow(id, "enough")
    ended = workflows.get_workflow(id)
    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "enough")
    late = TaskResult(workflow_instance_id=id, task_id=task.task_id, status="COMPLETED")
    assert tasks.update_task(late) == task.task_id
    assert workflows.get_workflow_status(id).status == "TERMINATED"
    workflows.retry_workflow(id)
    assert workflows.get_workflow_status(id).status == "RUNNING"
    assert tasks.update_task_by_ref_name(id, "pay", "FAILED_WITH_TERMINAL_ERROR", "no")
    failed = workflows.get_workflow(id)
    assert (failed.status, set(failed.failed_reference_task_names)) == ("FAILED", {"pay"})
    workflows.retry_workflow(id)
    tasks.update_task_by_ref_name(id, "pay", "COMPLETED", "yes")
    assert workflows.get_workflow_status(id, include_output=True).output == {"seat": None}
    message = refused(409, workflows.terminate_workflow, id)
    assert message == "Cannot terminate a COMPLETED workflow."
    assert refused(404, workflows.get_workflow, "x") == "No such workflow found by id: x"
    refused(501, workflows.restart_workflow, id)


def test_search(workflows: Any, name: str):
    ids = [
        workflows.start_workflow_by_name(name, {"id": each}, correlationId=f"c{each}")
        for each in range(3)
    ]
    found = workflows.search(query=f"workflowType='{name}'", size=2)
    assert len(found.results) == 2
    assert {each.workflow_id for each in found.results} <= set(ids)
    workflows.terminate_workflow(ids[0])
    query = f"workflowType='{name}' AND status IN (TERMINATED, FAILED)"
    (line,) = workflows.search(query=query).results
    assert (line.workflow_id, line.status, line.workflow_type) == (ids[0], "TERMINATED", name)
    by_id = workflows.get_by_correlation_ids(name, ["c0", "c1"], include_completed=True)
    assert {key: [each.workflow_id for each in found] for key, found in by_id.items()} == {
        "c0": [ids[0]],
        "c1": [ids[1]],
    }


def test_the_same_key(workflows: Any, name: str):
    key = uuid4().hex
    request = StartWorkflowRequest(name=name, idempotency_key=key)
    id = workflows.start_workflow(request)
    refused(409, workflows.start_workflow, request)  # the SDK's strategy is FAIL unless told
    assert workflows.get_workflow(id).idempotency_key == key


def test_workers_of_the_sdk(configuration: Configuration, metadata: Any, workflows: Any):
    """A worker process of the SDK carries out what its workflow language has built."""
    for task in ("sdk_book", "sdk_count"):
        metadata.register_task_def(TaskDef(name=task, retry_count=0, response_timeout_seconds=20))
    workflow: Any = ConductorWorkflow(
        executor=WorkflowExecutor(configuration), name="sdk_order", version=1
    )
    counted = SimpleTask("sdk_count", "counted")
    counted.input_parameter("upto", 3)
    booked = SimpleTask("sdk_book", "booked")
    booked.input_parameter("number", "${workflow.input.number}")
    paid = SimpleTask("sdk_pay", "paid")
    paid.input_parameter("card", "${workflow.input.card}")
    ways = SwitchTask("way", "${workflow.input.way}")
    ways.switch_case("pay", [paid])
    workflow.add(ForkTask("both", [[counted], [booked]], join_on=["counted", "booked"]))
    workflow.add(ways)
    workflow.output_parameters(
        {"seat": "${booked.output.seat}", "calls": "${counted.output.calls}"}
    )
    workflow.register(overwrite=True)
    worker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sdk_worker.py")), str(configuration.host)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: "sdk_pay" in {each.name for each in metadata.get_all_task_defs()})
        assert metadata.get_task_def("sdk_pay").retry_count == 2
        inputs = [("pay", "good"), ("pay", "flaky"), ("none", ""), ("pay", "stolen")]
        ids = [
            workflows.start_workflow_by_name("sdk_order", {"number": i, "way": way, "card": card})
            for i, (way, card) in enumerate(inputs)
        ]
        ended = [until(lambda id=id: _ended(workflows, id)) for id in ids]
    finally:
        assert worker.stdin is not None
        worker.stdin.close()
        try:
            worker.wait(15)
        finally:
            worker.kill()
    assert [each.status for each in ended] == ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED"]
    for number, each in enumerate(ended[:3]):
        assert each.output == {"seat": f"{number}A", "calls": 3}
    attempts = [task for task in ended[1].tasks if task.reference_task_name == "paid"]
    assert [(task.status, task.retry_count) for task in attempts] == [
        ("FAILED", 0),
        ("COMPLETED", 1),
    ]
    assert "the bank closed the connection" in attempts[0].reason_for_incompletion
    (stolen,) = [task for task in ended[3].tasks if task.reference_task_name == "paid"]
    assert stolen.status == "FAILED_WITH_TERMINAL_ERROR"
    assert stolen.reason_for_incompletion == "the card is stolen"


def _ended(workflows: Any, id: str) -> Any:
    found = workflows.get_workflow(id, include_tasks=True)
    return found if found.status in {"COMPLETED", "FAILED"} else None
