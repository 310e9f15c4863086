"""A FORK_JOIN_DYNAMIC that cannot be: refused by the checks, or in words when it begins."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from tests.unit.core.build import fan, task, workflow
from tests.unit.core.fanning import begun, listed, refused


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (5, "its forkTaskInputs are 5, no list"),
        (None, "its forkTaskInputs are null, no list"),
        ([{}] * 10_001, "10,001 branches; 10,000 are most"),
    ],
)
def test_no_list_of_items(items: object, said: str):
    assert said in refused(*fan("f", "${workflow.input.xs}"), xs=items)


@pytest.mark.parametrize(
    ("steps", "given", "said"),
    [
        ([{"name": "t"}], {}, "has no taskReferenceName"),
        ([{"taskReferenceName": "a"}], {}, "needs the name of its task"),
        ([{"name": "t", "taskReferenceName": "a"}] * 2, {}, "two of its branches are named 'a'"),
        ([{"name": "t", "taskReferenceName": "z"}], {}, "bears the name of a step"),
        ([{"name": "t", "taskReferenceName": "undo:z"}], {}, "means something else"),
        ([{"name": "t", "taskReferenceName": "a"}], {"a": 5}, "branch 'a' is 5, no object"),
        ([{"name": "t", "taskReferenceName": "a"}], [], "its input 'given' is [], no object"),
        ("abc", {}, "'steps' is no list of steps"),
        ([{"taskReferenceName": "a", "type": "SWITCH"}], {}, "is of type 'SWITCH'; possible are"),
        (
            [{"name": "t", "taskReferenceName": "a", "pivot": True}],
            {},
            "is a pivot, which nothing can run beside",
        ),
        (
            [{"name": "t", "taskReferenceName": "a", "inputParameters": {"x": "${= 1 + }"}}],
            {},
            "a.inputParameters.x",
        ),
    ],
)
def test_no_list_of_steps(steps: object, given: object, said: str):
    inputs = {"steps": "${workflow.input.steps}", "given": "${workflow.input.given}"}
    made = fan(
        "f",
        inputs=inputs,
        dynamic_fork_tasks_param="steps",
        dynamic_fork_tasks_input_param_name="given",
    )
    assert said in refused(*made, task("z"), steps=steps, given=given)


def test_a_name_that_an_earlier_fork_used_up():
    step = {"name": "t", "taskReferenceName": "a"}
    again = fan(
        "g",
        inputs={"steps": [step], "given": {}},
        dynamic_fork_tasks_param="steps",
        dynamic_fork_tasks_input_param_name="given",
    )
    run = begun(*listed(step), *again)
    run.complete("a")
    assert run.status == "FAILED"
    assert run.header.reason == ("g: its branch 'a' bears the name of a step that has begun before")


def test_what_the_checks_refuse():
    def said(*steps: Any) -> str:
        return "\n".join(check_workflow(workflow(*steps)))

    assert "needs the input `forkTaskInputs`" in said(*fan("f"))
    assert "a FORK_JOIN_DYNAMIC needs a JOIN directly behind it" in said(fan("f", [])[0])
    both = {"dynamic_fork_tasks_param": "a", "dynamic_fork_join_tasks_param": "b"}
    assert "give one of them" in said(*fan("f", [], **both))
    assert "names the input 'a', which is not among" in said(
        *fan("f", dynamic_fork_tasks_param="a", dynamic_fork_tasks_input_param_name="a")
    )
    assert "needs `dynamicForkTasksInputParamName`" in said(
        *fan("f", inputs={"a": []}, dynamic_fork_tasks_param="a")
    )
    assert "of type 'SWITCH'; possible are" in said(
        *fan("f", [], inputs={"forkTaskType": "SWITCH"})
    )
    assert "only a FORK_JOIN_DYNAMIC has `dynamicForkTasksParam`" in said(
        task("a", dynamic_fork_tasks_param="x")
    )


def test_a_fork_that_failed_behind_the_pivot_may_be_settled_as_done():
    run = begun(task("p", pivot=True), *fan("f", "${p.output.xs}"), task("z"))
    run.complete("p", xs=5)
    assert run.status == "NEEDS_ATTENTION"
    run.resolve("f", "done")
    run.world.pass_time(0)
    assert (run.row("f-join").status, run.open) == ("COMPLETED", {"z"})
    run.complete("z")
    assert run.status == "COMPLETED"


def test_a_wide_fan_is_worked_out_once():
    """Whoever lacks rows begins anew, so they are asked for before the work."""
    run = begun(*fan("f", "${workflow.input.xs}"), given={"xs": [{"n": n} for n in range(300)]})
    assert run.world.needs <= 3
    assert run.row("f").count == 100
