"""Task definitions on their own, and those that a workflow uses."""

from __future__ import annotations

from pavane.core.check import check_tasks, check_workflow
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step
from tests.unit.core.build import workflow


def test_what_is_wrong_with_task_definitions():
    found = check_tasks(
        {
            "": TaskDefinition(),
            "ship": TaskDefinition(name="ship", retry_count=-1, undo="ship"),
            "pay": TaskDefinition(name="pay", input_template={"x": "${workflow.input.x"}),
        }
    )
    assert len(found) == 4
    assert found[0] == "A task definition has no name; give it one."
    assert found[1].startswith("Task 'ship': retryCount is -1")
    assert found[2] == "Task 'ship': it is its own undo; name the task that reverses it."
    assert found[3].startswith("Task 'pay': inputTemplate.x")


def test_marks_that_contradict():
    found = check_tasks(
        {
            "look": TaskDefinition(name="look", read_only=True, undo="unlook"),
            "pay": TaskDefinition(
                name="pay", retriable=True, total_timeout_seconds=60, timeout_seconds=5
            ),
        }
    )
    assert found == [
        "Task 'look': it is `readOnly` and has the undo 'unlook'; leave one of them out.",
        "Task 'pay': it is `retriable`, but gives up after a totalTimeoutSeconds of 60; "
        "leave one of them out.",
        "Task 'pay': it is `retriable`, but its timeoutPolicy TIME_OUT_WF ends the run at a "
        "timeout; make it RETRY.",
    ]
    fine = TaskDefinition(
        name="pay", retriable=True, timeout_seconds=5, timeout_policy="RETRY", read_only=True
    )
    assert check_tasks({"pay": fine}) == []


def test_good_ones_pass():
    assert check_tasks({"ship": TaskDefinition(name="ship", undo="unship")}) == []


def test_a_workflow_answers_for_the_tasks_that_it_uses():
    bad = {"ship": TaskDefinition(name="ship", retry_count=-1)}
    step = Step(name="ship", task_reference_name="a")
    assert len(check_workflow(workflow(step), bad)) == 1
    assert check_workflow(workflow(Step(name="pay", task_reference_name="a")), bad) == []
