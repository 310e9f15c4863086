"""Too deep, too big, or nothing at all: said clearly, without a RecursionError."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow, ensure_valid
from pavane.core.model.workflow import Step, Workflow
from pavane.errors import DefinitionError
from tests.unit.core.build import around, noop, switch, task, workflow


def nested(levels: int) -> Step:
    step = task("a")
    for level in range(levels):
        step = switch(f"c{level}", "x", x=[step])
    return step


def test_no_steps():
    assert check_workflow(Workflow(name="w")) == [
        "The workflow has no steps; give it at least one in `tasks`."
    ]


@pytest.mark.parametrize("levels", [50, 500, 5000])
def test_nested_too_deeply(levels: int):
    found = check_workflow(workflow(nested(levels)))
    assert len(found) == 1
    assert found[0].startswith("Steps are nested more than 50 deep, such as")
    with pytest.raises(DefinitionError, match="50 deep"):
        ensure_valid(workflow(nested(levels)))


def test_deep_and_sound():
    assert check_workflow(workflow(nested(49))) == []


def test_scopes_count_as_well():
    inner = workflow(task("a"))
    for _ in range(60):
        inner = workflow(around("s", inner))
    assert "50 deep" in check_workflow(inner)[0]


def test_too_many_steps():
    found = check_workflow(workflow([noop(f"n{i}") for i in range(20_001)]))
    assert found == [
        "The workflow has more than 20,000 steps; "
        "move parts into workflows of their own and start them by name."
    ]
