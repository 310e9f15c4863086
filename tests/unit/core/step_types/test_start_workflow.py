"""START_WORKFLOW: starts an execution that goes its own way."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.fact import AlarmRang
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import loop, of_type, once, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

OTHER = workflow(task("o", inputs={"n": "${workflow.input.n}"}), name="other")


def launch(ref: str, /, name: Any = "other", **request: Any) -> Step:
    return of_type("START_WORKFLOW", ref, {"startWorkflow": {"name": name, **request}})


def start(*steps: Step, known: Any = (OTHER,), **given: Any) -> Execution:
    return World(*known).start(workflow(*steps), **given)


def launched(run: Execution, ref: str = "s") -> Execution:
    return Execution(run.world, run.output_of(ref)["workflowId"])


def test_it_starts_another_and_goes_on():
    run = start(launch("s", input={"n": "${workflow.input.n}"}), task("z"), n=7)
    assert (run.row("s").status, run.open) == ("SCHEDULED", {"s"})
    run.world.pass_time(0)
    assert (run.row("s").status, run.open) == ("COMPLETED", {"z"})
    other = launched(run)
    assert (other.status, other.input("o"), other.header.parent_id) == ("RUNNING", {"n": 7}, "")
    run.complete("z")
    assert (run.status, other.status) == ("COMPLETED", "RUNNING")


def test_what_becomes_of_the_other_is_its_own_affair():
    run = start(launch("s"), task("z"))
    run.world.pass_time(0)
    other = launched(run)
    other.fail("o")
    assert (other.status, run.status) == ("FAILED", "RUNNING")
    run.fail("z")
    assert run.status == "FAILED"


def test_the_same_attempt_always_means_the_same_execution():
    ids = set[str]()
    for _ in range(2):
        run = start(launch("s"))
        run.world.pass_time(0)
        ids.add(launched(run).id)
        assert len(run.world.executions) == 2
    assert len(ids) == 1


def test_correlation_and_priority_are_handed_on_unless_given():
    run = start(launch("s"), launch("t", correlationId="c", priority=3))
    run.header.correlation_id, run.header.priority = "mine", 5
    run.world.pass_time(0)
    one, other = launched(run).header, launched(run, "t").header
    assert (one.correlation_id, one.priority) == ("mine", 5)
    assert (other.correlation_id, other.priority) == ("c", 3)


def test_a_workflow_that_is_not_there_fails_the_step():
    run = start(launch("s", "nothing"))
    run.world.pass_time(0)
    assert (run.row("s").status, run.status) == ("FAILED", "FAILED")
    assert "nothing" in run.header.reason
    assert len(run.world.executions) == 1


def test_it_is_tried_again_if_it_says_so():
    step = launch("s", "late")
    run = start(of_type("START_WORKFLOW", "s", step.input_parameters, retry_count=1))
    run.world.pass_time(0)
    assert run.attempts("s") == ["FAILED", "SCHEDULED"]
    run.world.known["late"] = OTHER
    run.world.pass_time(60)
    assert (run.attempts("s"), run.status) == (["FAILED", "COMPLETED"], "COMPLETED")


def test_a_chain_without_an_end_lets_others_have_their_turn():
    endless = workflow(launch("s", "endless"), name="endless")
    world = World(endless)
    world.start(endless)
    assert len(world.executions) == 1
    for number in range(2, 6):
        at, identity, ref = world.alarms()[0]
        assert at <= world.now
        world.tell(identity, AlarmRang(ref))
        assert len(world.executions) == number


def test_a_loop_of_starts():
    run = start(loop("l", launch("s", input={"n": "${l.output.loopItem}"}), items=[1, 2, 3]))
    run.world.pass_time(0)
    assert (run.status, len(run.world.executions)) == ("COMPLETED", 4)
    assert launched(run, "s__3").input("o") == {"n": 3}


def test_it_waits_for_its_delay():
    run = start(of_type("START_WORKFLOW", "s", launch("s").input_parameters, start_delay=5))
    run.world.pass_time(4)
    assert run.row("s").status == "SCHEDULED"
    run.world.pass_time(1)
    assert run.status == "COMPLETED"


def test_stopped_before_its_turn_it_starts_nothing():
    run = start(launch("s"))
    run.terminate()
    run.world.pass_time(0)
    assert (run.row("s").status, len(run.world.executions)) == ("CANCELED", 1)


def test_what_it_started_can_be_undone_by_a_task():
    undo = Undo(name="stop", input_parameters={"id": "${s.output.workflowId}"})
    undo = Undo(name=undo.name, input_parameters=undo.input_parameters, task_definition=once())
    run = start(of_type("START_WORKFLOW", "s", launch("s").input_parameters, undo=undo), task("z"))
    run.world.pass_time(0)
    run.fail("z")
    assert run.input("undo:s") == {"id": launched(run).id}
    run.complete("undo:s")
    assert run.status == "COMPENSATED"


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "other", "input": [1]}, 7])
def test_a_request_that_turns_out_to_be_wrong_fails_for_good(wrong: Any):
    run = start(of_type("START_WORKFLOW", "s", {"startWorkflow": "${workflow.input.r}"}), r=wrong)
    assert (run.row("s").status, run.status) == ("FAILED_WITH_TERMINAL_ERROR", "FAILED")


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({}, "needs an object"),
        ({"startWorkflow": {}}, "`name`"),
        ({"startWorkflow": {"name": "o", "input": 3}}, "no object"),
        ({"startWorkflow": {"name": "o", "version": "two"}}, "no whole number"),
        ({"startWorkflow": {"name": "o", "priority": True}}, "no whole number"),
        ({"startWorkflow": {"name": "o", "idempotencyStrategy": "x"}}, "`idempotencyStrategy`"),
    ],
)
def test_findings(inputs: dict[str, Any], word: str):
    (found,) = STEP_TYPES["START_WORKFLOW"].findings(of_type("START_WORKFLOW", "s", inputs))
    assert word in found


@pytest.mark.parametrize(
    "request_",
    [
        "${workflow.input.r}",
        {"name": "o", "taskToDomain": None},
        {"name": "${workflow.input.n}", "version": "${workflow.input.v}", "input": "${a.output}"},
    ],
)
def test_no_findings(request_: Any):
    step = of_type("START_WORKFLOW", "s", {"startWorkflow": request_})
    assert list(STEP_TYPES["START_WORKFLOW"].findings(step)) == []
