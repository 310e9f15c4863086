"""What a JOIN with a `joinCount` cannot have, each refusal in its words."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Step, Undo
from tests.unit.core.build import (
    Steps,
    fan,
    fork,
    noop,
    of_type,
    once,
    scope,
    switch,
    task,
    workflow,
)


def found(*steps: Steps) -> list[str]:
    return check_workflow(workflow(*steps))


def race(*branches: Steps, needed: int = 1, **join: Any) -> list[Step]:
    return fork("f", *branches, join_count=needed, **join)


@pytest.mark.parametrize(
    "branch",
    [
        task("b", undo=True),
        of_type("WAIT", "b", {"duration": "2 days"}),
        of_type("HUMAN", "b"),
        scope("b", task("one"), task("two")),
    ],
)
def test_branches_of_one_step_are_let_pass(branch: Step):
    assert found(*race(task("a"), branch)) == []


def test_a_branch_of_several_steps():
    assert found(*race(task("a"), [task("b"), task("c")])) == [
        "Step 'f-join': it counts, so that each branch can be called off alone, and branch 2 of "
        "'f' has 2 steps; put them into a SUB_WORKFLOW, which is one."
    ]


def test_a_branch_that_holds_steps():
    (text,) = found(*race(task("a"), switch("b", "x", x=noop("n"))))
    assert text.endswith("branch 2 of 'f' is a SWITCH; put that into a SUB_WORKFLOW.")


@pytest.mark.parametrize("branch", [task("b", pivot=True), scope("b", task("pay", pivot=True))])
def test_a_pivot_in_a_branch(branch: Step):
    assert found(*race(task("a"), branch)) == [
        "Step 'f-join': it counts, and there is a pivot in branch 2 of 'f': if that loses it could "
        "already be past its pivot, with no way back; put the pivot behind the JOIN."
    ]


@pytest.mark.parametrize("option", ["optional", "permissive"])
def test_a_branch_that_may_be_missing(option: str):
    fields: dict[str, Any] = {option: True}
    assert found(*race(task("a"), task("b", **fields))) == [
        "Step 'f-join': it counts what was done, so branch 2 of 'f' may fail anyway; "
        f"leave out `{option}` at 'b'."
    ]


def test_a_join_that_may_be_missing():
    (text,) = found(*race(task("a"), task("b"), optional=True))
    assert text == (
        "Step 'f-join': with a `joinCount` it cannot be optional or permissive; leave that out, or "
        "put the fork and the JOIN into a SUB_WORKFLOW that is optional."
    )


def test_more_than_there_are():
    assert found(*race(task("a"), task("b"), needed=3)) == [
        "Step 'f-join': it waits for 3 of the 2 branches of 'f'; write a joinCount that can come "
        "true."
    ]


def test_a_branch_that_it_does_not_wait_for():
    assert found(*race(task("a"), task("b"), join_on=["a"])) == [
        "Step 'f-join': with a `joinCount` it has to wait for every branch, each once: `joinOn` is "
        "to be a, b."
    ]


def test_a_branch_named_as_what_the_output_says():
    (text,) = found(*race(task("a"), task("winner")))
    assert text == (
        "Step 'f-join': its output has a 'winner' of its own beside the outputs of its branches; "
        "name branch 2 of 'f' differently."
    )


def test_behind_a_fork_whose_branches_are_made_at_run_time():
    steps = fan("f", [1, 2])
    join = of_type("JOIN", "f-join", join_count=1)
    assert found(steps[0], join) == [
        "Step 'f-join': it has a `joinCount` behind a FORK_JOIN_DYNAMIC, which is not built yet; "
        "fork branches that are written down, or leave it out."
    ]


def test_on_another_step():
    assert found(task("a", join_count=1)) == [
        "Step 'a': only a JOIN has `joinCount`; this is a SIMPLE."
    ]


def danced(*steps: Step) -> list[str]:
    return list(check_workflow(workflow(*steps, style="choreographed")))


def owned(ref: str, **fields: Any) -> Step:
    soon = once(timeout_seconds=10)
    undo = Undo(name=f"un-{ref}", task_definition=soon)
    return task(ref, undo=undo, policy=soon, service=f"r{ref}", **fields)


def test_without_a_conductor():
    steps = race(owned("a"), owned("b"), of_type("WAIT", "w", {"duration": "1h"}))
    assert danced(*steps, owned("z", inputs={"n": "${a.output.n}"})) == []


def test_what_lost_may_not_have_begun():
    steps = race(owned("a"), owned("b"))
    assert danced(*steps, owned("z", inputs={"n": "${a.input.n}"})) == [
        "Step 'z': inputParameters.n reads a.input, of a branch that may lose before it has begun; "
        "read what that was made of."
    ]


def test_what_may_lose_has_an_undo():
    steps = race(owned("a"), task("b", policy=once(timeout_seconds=10), service="rb"))
    [text] = danced(*steps)
    assert text.startswith(
        "Step 'b': it has an effect and no undo, and it may have to be undone: its branch of 'f' "
        "may lose"
    )
