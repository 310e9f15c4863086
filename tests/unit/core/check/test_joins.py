"""Forks and joins: together, and such that the join can complete."""

from __future__ import annotations

from pavane.core.check import check_workflow
from tests.unit.core.build import fork, noop, of_type, switch, task, workflow


def test_a_fork_without_a_join():
    for steps in ([fork("f", task("a"))[0]], [fork("f", task("a"))[0], task("b")]):
        assert check_workflow(workflow(*steps)) == [
            "Step 'f': a FORK_JOIN needs a JOIN directly behind it; put one there."
        ]


def test_a_join_without_a_fork():
    found = check_workflow(workflow(task("a"), of_type("JOIN", "j", join_on=["a"])))
    assert found == [
        "Step 'j': a JOIN without a FORK_JOIN directly in front of it never opens; "
        "put the FORK_JOIN there, or remove it."
    ]


def test_a_join_on_what_is_not_there():
    found = check_workflow(workflow(*fork("f", task("ship"), join_on=["shpi"])))
    assert found == [
        "Step 'f-join': `joinOn` names 'shpi', and there is no such step; did you mean 'ship'?"
    ]
    found = check_workflow(workflow(*fork("f", task("ship"), join_on=["zzz"])))
    assert found[0].endswith("name a step of a branch of 'f'.")


def test_a_join_on_what_is_outside_its_fork():
    found = check_workflow(workflow(task("a"), *fork("f", task("b"), join_on=["a", "b"])))
    assert len(found) == 1
    assert "names 'a', which is in no branch of 'f'" in found[0]


def test_a_join_on_what_may_not_be_taken():
    inner = switch("c", "x", x=task("x"))
    found = check_workflow(workflow(*fork("f", [inner], task("b"), join_on=["x", "b"])))
    assert len(found) == 1
    assert "runs only if the SWITCH 'c' takes case 'x', so it could wait for ever" in found[0]


def test_joins_that_pass():
    inner = fork("g", task("x"), task("y"))
    assert check_workflow(workflow(*fork("f", [task("a"), *inner], task("b")))) == []
    choice = [switch("c", "x", x=task("x")), noop("n")]
    assert check_workflow(workflow(*fork("f", choice, task("b")))) == []
    assert check_workflow(workflow(switch("c", "x", x=fork("f", task("a"), task("b"))))) == []
    assert check_workflow(workflow(*fork("f", task("a"), join_on=[]))) == []
    middle = fork("f", [task("a"), task("a2")], join_on=["a"])
    assert check_workflow(workflow(*middle)) == []


def test_only_a_join_joins():
    found = check_workflow(workflow(task("a"), task("b", join_on=["a"])))
    assert found == ["Step 'b': only a JOIN has `joinOn`; this is a SIMPLE."]
