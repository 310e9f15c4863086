"""Reference names: there, unique, and such that expressions can spell them."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Step, Workflow
from tests.unit.core.build import scope, switch, task, workflow


def test_a_missing_name():
    found = check_workflow(workflow(Step(name="ship")))
    assert found == ["A step (ship) has no taskReferenceName; give it one of its own."]


def test_a_name_used_twice_anywhere():
    found = check_workflow(workflow(task("a"), switch("c", "x", x=task("a"))))
    assert found == ["Step 'a': 2 steps have this taskReferenceName; give each one of its own."]


def test_a_scope_has_names_of_its_own():
    assert check_workflow(workflow(task("a"), scope("s", task("a")))) == []
    found = check_workflow(workflow(scope("s", task("a"), task("a"))))
    assert found == [
        "In scope 's': Step 'a': 2 steps have this taskReferenceName; give each one of its own."
    ]


@pytest.mark.parametrize("ref", ["a.b", "a$", "{a}", "a[0]", "it's", "a\\b", "a\nb"])
def test_characters_that_expressions_cannot_spell(ref: str):
    found = check_workflow(workflow(task(ref)))
    assert len(found) == 1
    assert "which expressions cannot spell; use letters, digits" in found[0]


def test_a_name_that_is_kept_for_something_else():
    assert "kept for undos" in check_workflow(workflow(task("undo:a")))[0]
    assert "means the execution itself" in check_workflow(workflow(task("workflow")))[0]
    assert "begins or ends with a space" in check_workflow(workflow(task(" a")))[0]
    assert "longer than 200" in check_workflow(workflow(task("a" * 201)))[0]


@pytest.mark.parametrize("ref", ["ship", "ship_2", "ship-it", "ship it", "Größe", "2nd", "a:b#c/d"])
def test_names_that_pass(ref: str):
    assert check_workflow(workflow(task(ref))) == []


def test_the_workflow_needs_a_name():
    assert check_workflow(Workflow(tasks=[task("a")])) == ["The workflow has no name; give it one."]
