"""DYNAMIC: a task whose name is computed."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step
from tests.unit.core.build import of_type, once, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World

TASKS = {
    "by_air": once(name="by_air", service="planes"),
    "by_sea": TaskDefinition(
        name="by_sea", retry_count=2, retry_delay_seconds=5, timeout_seconds=60
    ),
}


def dynamic(ref: str = "d", name: Any = "${workflow.input.how}", **fields: Any) -> Step:
    inputs = {"how": name, "to": "Rome"}
    return of_type("DYNAMIC", ref, inputs, dynamic_task_name_param="how", **fields)


def start(*steps: Step, **given: Any) -> Execution:
    return World(tasks=TASKS).start(workflow(*steps), **given)


def test_it_is_a_task_of_the_name_that_was_computed():
    run = start(dynamic(), task("z"), how="by_air")
    row, ready = run.row("d"), run.ready_row("d")
    assert (row.type, row.name, row.service, ready.queue) == (
        "SIMPLE",
        "by_air",
        "planes",
        "by_air",
    )
    assert run.input("d") == {"how": "by_air", "to": "Rome"}
    run.complete("d", n=1)
    assert run.open == {"z"}


def test_it_is_retried_as_the_definition_of_that_name_says():
    run = start(dynamic(), how="by_sea")
    run.fail("d")
    assert run.attempts("d") == ["FAILED", "SCHEDULED"]
    assert run.row("d").name == "by_sea"
    assert run.row("d").visible_at == run.world.now + 5000
    run.world.pass_time(5)
    run.fail("d")
    run.world.pass_time(5)
    run.fail("d")
    assert (run.attempts("d"), run.status) == (["FAILED"] * 3, "FAILED")


def test_another_name_has_another_policy():
    run = start(dynamic(), how="by_air")
    run.fail("d")
    assert (run.attempts("d"), run.status) == (["FAILED"], "FAILED")


def test_the_count_of_the_step_wins():
    run = start(dynamic(retry_count=0), how="by_sea")
    run.fail("d")
    assert run.attempts("d") == ["FAILED"]


def test_its_time_is_that_of_the_definition():
    run = start(dynamic(), how="by_sea")
    run.take("d")
    run.world.pass_time(60)
    assert run.row("d").status == "TIMED_OUT"


@pytest.mark.parametrize("name", ["by_balloon", None, "", 7, ["by_air"]])
def test_a_name_that_nobody_defined_fails_for_good(name: Any):
    run = start(dynamic(), how=name)
    assert (run.row("d").status, run.status) == ("FAILED_WITH_TERMINAL_ERROR", "FAILED")
    assert "there is no task definition of that name" in run.header.reason


def test_it_is_undone_like_a_task():
    undo = task("d", undo=True).undo
    run = start(dynamic(undo=undo), task("z"), how="by_air")
    run.complete("d")
    run.fail("z")
    run.complete("undo:d")
    assert (run.status, run.undone) == ("COMPENSATED", ["d"])


def test_it_waits_for_its_delay():
    run = start(dynamic(start_delay=5), how="by_air")
    assert run.offered == set()
    run.world.pass_time(5)
    assert run.offered == {"d"}


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (of_type("DYNAMIC", "d", {"how": "x"}), "needs `dynamicTaskNameParam`"),
        (of_type("DYNAMIC", "d", dynamic_task_name_param="how"), "not among its inputParameters"),
    ],
)
def test_findings(step: Step, word: str):
    (found,) = STEP_TYPES["DYNAMIC"].findings(step)
    assert word in found


def test_no_findings():
    assert list(STEP_TYPES["DYNAMIC"].findings(dynamic())) == []
