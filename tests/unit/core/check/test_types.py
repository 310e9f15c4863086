"""Step types: known and built, and with the fields that they need."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step, SubWorkflow
from tests.unit.core.build import of_type, scope, switch, task, workflow


@pytest.mark.parametrize(
    "kind",
    [
        "LAMBDA",
        "JSON_JQ_TRANSFORM",
        "KAFKA_PUBLISH",
    ],
)
def test_types_that_are_not_built(kind: str):
    assert kind not in STEP_TYPES
    found = check_workflow(workflow(of_type(kind, "a")))
    assert len(found) == 1
    assert found[0].startswith(f"Step 'a': type {kind} is not built yet")


def test_a_type_that_does_not_exist():
    assert check_workflow(workflow(of_type("SWTCH", "a"))) == [
        "Step 'a': there is no step type 'SWTCH'; did you mean 'SWITCH'?"
    ]
    assert (
        "known are DECISION, DO_WHILE, DYNAMIC, EVENT"
        in check_workflow(workflow(of_type("XYZ", "a")))[0]
    )


def test_what_a_type_says_of_its_own_fields():
    found = check_workflow(
        workflow(of_type("WAIT", "w", {"duration": "soon"}), of_type("SUB_WORKFLOW", "s"))
    )
    assert len(found) == 2
    assert found[0].startswith("Step 'w': a WAIT has an unreadable `duration`")
    assert found[1].startswith("Step 's': a SUB_WORKFLOW needs")


def test_a_terminate_cannot_be_optional():
    step = of_type("TERMINATE", "t", {"terminationStatus": "FAILED"}, optional=True)
    assert check_workflow(workflow(step)) == ["Step 't': a TERMINATE cannot be optional."]


def test_fields_of_another_type_are_not_ignored():
    step = Step(name="a", task_reference_name="a", default_case=[task("b")])
    assert check_workflow(workflow(step)) == [
        "Step 'a': only a SWITCH has `defaultCase`; this is a SIMPLE."
    ]
    step = Step(name="a", task_reference_name="a", sub_workflow_param=SubWorkflow(name="x"))
    assert "only a SUB_WORKFLOW has a subWorkflowParam" in check_workflow(workflow(step))[0]


def test_what_is_not_built_around_the_steps():
    assert "not built yet" in check_workflow(workflow(task("a"), failure_workflow="$x"))[0]
    assert check_workflow(workflow(task("a"), style="orchestrated", failure_workflow="f")) == []
    domains = SubWorkflow(name="x", task_to_domain={"*": "d"})
    step = of_type("SUB_WORKFLOW", "s", sub_workflow_param=domains)
    assert "taskToDomain" in check_workflow(workflow(step))[0]


def test_one_of_each_type_passes():
    assert (
        check_workflow(
            workflow(
                task("a"),
                switch("c", "${a.output.x}", x=task("x")),
                of_type("FORK_JOIN", "f", fork_tasks=[[task("l")], [task("r")]]),
                of_type("JOIN", "j", join_on=["l", "r"]),
                scope("s", task("a")),
                of_type("WAIT", "w", {"duration": "5 s"}),
                of_type("SET_VARIABLE", "v", {"k": 1}),
                of_type("INLINE", "i", {"k": 1}, evaluator_type="pavane", expression="k + 1"),
                of_type("NOOP", "n"),
                of_type("EVENT", "e", {"k": 1}, sink="event:shop.order.created.v1"),
                of_type("TERMINATE", "t", {"terminationStatus": "COMPLETED"}),
            )
        )
        == []
    )
