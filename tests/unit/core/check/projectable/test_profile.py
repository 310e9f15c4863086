"""What only a conductor can do is refused, where the style is choreographed and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.check.projectable import check
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, SubWorkflow, Undo
from tests.unit.core.build import fan, fork, of_type, sub, switch, terminate, workflow
from tests.unit.core.check.projectable.dance import dance, does, each, found, part
from tests.unit.core.step_types.test_decision import decision

CASES: list[tuple[Step, str]] = [
    (does("a", permissive=True), "Step 'a': it is `permissive`"),
    (does("a", async_complete=True), "`asyncComplete` needs a conductor"),
    (of_type("HTTP", "call"), "Step 'call': a HTTP has no projection"),
    (of_type("DYNAMIC", "d"), "a DYNAMIC has no projection"),
    (of_type("START_WORKFLOW", "w"), "a START_WORKFLOW has no projection"),
    (decision("c", "${workflow.input.x}", [], x=[does("a")]), ""),
    (of_type("EXCLUSIVE_JOIN", "m", join_on=["first"]), ""),
    (does("a/b"), "its name contains '/'"),
    (of_type("WAIT", "w", undo=Undo(name="u")), "a choreographed WAIT cannot have an `undo`"),
    (of_type("HUMAN", "h", undo=Undo(name="u")), "a choreographed HUMAN cannot have an `undo`"),
    (of_type("HUMAN", "h"), ""),
    (terminate("t", "${workflow.input.how}"), "its `terminationStatus` is computed"),
    (part("s", does("a"), style="choreographed"), ""),
]


@pytest.mark.parametrize(("step", "message"), CASES)
def test_what_has_no_projection(step: Step, message: str):
    texts = found(does("first"), step)
    if not message:
        assert texts == []
    else:
        assert len(texts) == 1
        assert message in texts[0]
    assert list(check(workflow(does("first"), step, style="orchestrated"))) == []


@pytest.mark.parametrize(
    "inputs",
    [
        {"forkTaskWorkflow": "parcel"},
        {"forkTaskType": "HTTP"},
        {"forkTaskName": "${workflow.input.task}"},
    ],
)
def test_a_for_each_has_one_task_that_all_know(inputs: dict[str, Any]):
    (text,) = found(does("a"), fan("e", "${workflow.input.items}", inputs=inputs))
    assert text.startswith("Step 'e': its branches are known only at run time, or are more than a")
    assert found(does("a"), each("e")) == []


def test_forms_that_list_steps():
    listed = of_type(
        "FORK_JOIN_DYNAMIC",
        "e",
        {"tasks": [], "inputs": {}},
        dynamic_fork_tasks_param="tasks",
        dynamic_fork_tasks_input_param_name="inputs",
    )
    (text,) = found(does("a"), listed, of_type("JOIN", "j"))
    assert "`forkTaskName` is the one task for all of them" in text
    (text,) = found(does("a"), *each("e", permissive=True))
    assert "it is `permissive`" in text


def test_the_end_inside_a_branch():
    ending = switch("c", "${workflow.input.x}", x=terminate("t", "COMPLETED"))
    (text,) = found(fork("f", [ending, does("a")], does("b")))
    assert text == (
        "Step 't': it ends the run well while other branches of 'f' are at work, which nobody "
        "could tell them in time; end it behind the JOIN."
    )
    assert found(does("a"), terminate("t", "COMPLETED")) == []
    failing = switch("c", "${workflow.input.x}", x=terminate("t", "FAILED"))
    assert found(fork("f", [failing, does("a")], does("b"))) == []
    in_scope = part("s", does("x"), terminate("t", "COMPLETED"))
    assert found(fork("f", in_scope, does("b"))) == []


def inside(**fields: Any) -> Step:
    param = SubWorkflow(workflow_definition=workflow(does("x"), name="inner"))
    return of_type("SUB_WORKFLOW", "s", sub_workflow_param=param, **fields)


def test_scopes_that_are_retried_or_timed_from_outside():
    (text,) = found(inside(retry_count=2))
    assert text.startswith("Step 's': it is retried (2 times)")
    limited = TaskDefinition(retry_count=0, timeout_seconds=5)
    (text,) = found(inside(task_definition=limited))
    assert "its taskDefinition has a time limit" in text
    assert found(inside(retry_count=0)) == []


def test_marks_on_scopes():
    texts = found(inside(undo=Undo(name="u")))
    assert texts == [
        "Step 's': a choreographed SUB_WORKFLOW cannot have an `undo`; put it on the task whose "
        "effect it reverses."
    ]
    (text,) = found(inside(pivot=True))
    assert text.endswith("put `pivot` on the task in it behind which there is no way back.")


def test_workflows_by_name():
    (text,) = found(does("a"), sub("s", "ship-it", 2))
    assert text == (
        "Step 's': it starts 'ship-it' by name, and its definition is not here, so nobody knows "
        "who takes part in it; check it together with 'ship-it', or put the definition in place "
        "as a scope."
    )
    known = workflow(does("x"), name="ship-it", version=2)
    assert found(does("a"), sub("s", "ship-it", 2), known=[known]) == []
    assert found(does("a"), sub("s", "ship-it", 1), known=[known]) != []


def test_a_workflow_by_name_plays_by_the_style_around_it():
    known = workflow(does("x", permissive=True), name="ship-it")
    (text,) = found(sub("s", "ship-it"), known=[known])
    assert text.startswith("In workflow 'ship-it': Step 'x': it is `permissive`")
    own = dance(does("x", permissive=True))  # it has the style itself, so it is checked itself
    assert found(sub("s", "dance"), known=[own]) != []  # the name of the workflow under test
    assert list(check(workflow(sub("s", "dance")), None, [own])) == []


def test_a_workflow_that_contains_itself():
    (text,) = found(does("a"), switch("c", 1, x=sub("s", "dance")))
    assert "it starts 'dance' again inside itself" in text


def test_a_failure_workflow():
    (text,) = found(does("a"), failure_workflow="mend")
    assert text.startswith("Its `failureWorkflow` 'mend' would have to be started by a conductor")


def test_styles_are_inherited_and_may_change():
    wrong = does("x", permissive=True)
    assert len(found(part("s", part("t", wrong)))) == 1
    assert found(does("a"), part("s", wrong, style="orchestrated")) == []
    inner = part("s", wrong, style="choreographed")
    (text,) = check(workflow(inner))
    assert text.startswith("In scope 's': Step 'x': it is `permissive`")
    assert any("`permissive`" in text for text in check_workflow(workflow(inner)))


def test_several_findings_at_once():
    texts = found(does("a", permissive=True, async_complete=True), does("b/c"), does("d", ""))
    assert len(texts) == 4
