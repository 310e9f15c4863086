"""Undos and pivots where they can do something."""

from __future__ import annotations

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Undo
from tests.unit.core.build import of_type, scope, switch, task, workflow


def test_an_undo_that_names_no_task():
    found = check_workflow(workflow(task("a", undo=Undo(name=""))))
    assert found == ["Step 'a': its `undo` names no task; give it a `name`."]


def test_an_undo_of_what_has_no_effect():
    found = check_workflow(workflow(of_type("NOOP", "n", undo=Undo(name="u"))))
    assert found == [
        "Step 'n': a NOOP has no effect that could be undone; put `undo` on the steps that have."
    ]


def test_a_pivot_that_is_no_task():
    found = check_workflow(workflow(of_type("SET_VARIABLE", "v", {"k": 1}, pivot=True)))
    assert found[0].startswith(
        "Step 'v': a SET_VARIABLE cannot be a pivot; put `pivot` on the task"
    )


def test_undos_and_pivots_that_pass():
    inner = switch("c", "x", x=task("x", undo=True))
    steps = [task("a", undo=True), scope("s", inner, pivot=True), task("p", pivot=True)]
    assert check_workflow(workflow(*steps)) == []
