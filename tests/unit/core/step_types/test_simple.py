"""SIMPLE: a task that a service does."""

from __future__ import annotations

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step
from tests.unit.core.build import task, workflow
from tests.unit.core.world import World


def test_it_is_put_into_the_queue_of_its_task():
    run = World().start(
        workflow(Step(name="ship", task_reference_name="ship_2", service="shipping"))
    )
    row, ready = run.row("ship_2"), run.ready_row("ship_2")
    assert (row.status, row.name, row.service, row.attempt) == ("SCHEDULED", "ship", "shipping", 0)
    assert (ready.queue, ready.visible_at, ready.worker) == ("ship", run.world.now, "")


def test_the_task_definition_of_its_name_says_how_often():
    world = World(tasks={"ship": TaskDefinition(retry_count=1, retry_delay_seconds=0)})
    run = world.start(workflow(Step(name="ship", task_reference_name="ship")))
    run.fail("ship")
    run.fail("ship")
    assert (run.status, len(run.attempts("ship"))) == ("FAILED", 2)


def test_the_input_template_of_its_task_fills_what_is_absent():
    template = TaskDefinition(input_template={"speed": "slow", "to": "nowhere"})
    world = World(tasks={"ship": template})
    step = Step(name="ship", task_reference_name="s", input_parameters={"to": "Rome"})
    run = world.start(workflow(step))
    assert run.input("s") == {"speed": "slow", "to": "Rome"}


def test_the_input_template_of_its_task_fills_what_is_null():
    template = TaskDefinition(input_template={"a": 1, "b": "${workflow.input.b}", "c": 3, "d": 4})
    world = World(tasks={"ship": template})
    inputs = {"a": "${workflow.input.nothing}", "b": None, "c": 0, "e": None}
    run = world.start(
        workflow(Step(name="ship", task_reference_name="s", input_parameters=inputs)), b=2
    )
    assert run.input("s") == {"a": 1, "b": 2, "c": 0, "d": 4, "e": None}


def test_it_needs_the_name_of_a_task():
    kind = STEP_TYPES["SIMPLE"]
    assert list(kind.findings(task("a"))) == []
    assert "name" in next(iter(kind.findings(Step(task_reference_name="a"))))
