"""FORK_JOIN: branches side by side, a page at a time."""

from __future__ import annotations

import pytest

from pavane.core.decide.plan import compile_plan
from pavane.core.decide.step_types import STEP_TYPES
from pavane.errors import DefinitionError
from tests.unit.core.build import fork, noop, of_type, task, workflow
from tests.unit.core.world import World


def test_all_branches_and_the_join_begin_in_one_decision():
    run = World().start(workflow(*fork("f", task("a"), [task("b"), task("b2")]), task("z")))
    assert run.open == {"a", "b", "f-join"}
    assert (run.row("f").status, run.row("f").count) == ("COMPLETED", 2)


def test_branches_are_begun_page_by_page():
    run = World().start(workflow(*fork("f", *([task(f"b{i:03}")] for i in range(250))), task("z")))
    assert (len(run.offered), run.row("f").status, run.row("f").count) == (100, "IN_PROGRESS", 100)
    assert run.ready_row("f").alarm_at == run.world.now
    run.world.pass_time(0)
    assert (len(run.offered), run.row("f").status, run.row("f").count) == (250, "COMPLETED", 250)
    run.complete(*(f"b{i:03}" for i in range(250)))
    assert run.open == {"z"}


def test_branches_of_instant_steps_end_in_the_same_decision():
    run = World().start(workflow(*fork("f", *([noop(f"n{i}")] for i in range(50))), task("z")))
    assert run.open == {"z"}


def test_an_empty_branch_is_no_branch():
    run = World().start(workflow(*fork("f", task("a"), []), task("z")))
    run.complete("a")
    assert run.open == {"z"}


def test_it_needs_branches():
    kind = STEP_TYPES["FORK_JOIN"]
    assert list(kind.findings(fork("f", task("a"))[0])) == []
    assert "forkTasks" in next(iter(kind.findings(fork("f", [])[0])))


def test_it_needs_a_join_behind_it():
    alone = workflow(fork("f", task("a"))[0], task("b"))
    with pytest.raises(DefinitionError, match="JOIN"):
        compile_plan(alone, {})
    with pytest.raises(DefinitionError, match="JOIN"):
        compile_plan(workflow(of_type("FORK_JOIN", "f", fork_tasks=[[task("a")]])), {})
