"""EXCLUSIVE_JOIN: gives what the way that was taken has given."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step
from tests.unit.core.build import fork, loop, of_type, switch, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def meet(ref: str, *join_on: str, default: tuple[str, ...] = (), **fields: Any) -> Step:
    return of_type(
        "EXCLUSIVE_JOIN",
        ref,
        join_on=list(join_on),
        default_exclusive_join_task=list(default),
        **fields,
    )


def start(*steps: Any, **given: Any) -> Execution:
    made = workflow(*steps, task("z", inputs={"got": "${m.output.n}"}))
    assert check_workflow(made) == []
    return World().start(made, **given)


WAYS = switch("c", "${workflow.input.way}", left=task("a"), right=[task("b"), task("b2")])


@pytest.mark.parametrize(("way", "steps"), [("left", ["a"]), ("right", ["b", "b2"])])
def test_the_way_that_was_taken_decides(way: str, steps: list[str]):
    run = start(WAYS, meet("m", "a", "b2"), way=way)
    for number, ref in enumerate(steps):
        assert not run.begun("m")
        run.complete(ref, n=number)
    assert (run.row("m").status, run.input("z")) == ("COMPLETED", {"got": len(steps) - 1})
    assert run.input("m") == {"joinOn": ["a", "b2"]}


def test_where_no_way_was_taken_the_default_decides():
    run = start(task("first"), WAYS, meet("m", "a", "b2", default=("first",)), way="none")
    run.complete("first", n=9)
    assert run.input("z") == {"got": 9}


def test_without_a_default_it_fails_and_says_so():
    run = start(WAYS, meet("m", "a", "b2"), way="none")
    assert (run.row("m").status, run.status) == ("FAILED_WITH_TERMINAL_ERROR", "FAILED")
    assert run.header.reason == "m: none of a, b2 has run"


def test_a_way_that_ended_badly_fails_it():
    ways = switch("c", "left", left=task("a", permissive=True))
    run = start(ways, meet("m", "a"))
    run.fail("a", "out of paper")
    assert (run.status, run.header.reason) == ("FAILED", "m: a: out of paper")


def test_a_way_that_was_passed_over_counts_as_taken():
    ways = switch("c", "left", left=task("a", optional=True))
    run = start(ways, meet("m", "a"))
    run.fail("a")
    assert (run.row("m").status, run.open) == ("COMPLETED", {"z"})


def test_a_way_that_ends_in_a_join_gives_what_that_shows():
    ways = switch("c", "left", left=fork("f", task("a"), task("b")))
    run = start(ways, meet("m", "f-join"))
    run.complete("a", n=1)
    run.complete("b", n=2)
    assert run.output_of("m") == {"a": {"n": 1}, "b": {"n": 2}}


def test_in_a_loop_it_looks_at_its_own_iteration():
    way = "${l.output.loopItem}"
    body = [switch("c", way, left=task("a"), right=task("b")), meet("m", "a", "b")]
    run = World().start(workflow(loop("l", *body, items=["left", "right"])))
    run.complete("a__1", n=1)
    run.complete("b__2", n=2)
    assert (run.output_of("m__1"), run.output_of("m__2")) == ({"n": 1}, {"n": 2})
    assert run.status == "COMPLETED"


def test_the_way_back_goes_through_it():
    ways = switch("c", "left", left=task("a", undo=True))
    run = start(task("first", undo=True), ways, meet("m", "a"))
    run.complete("first", "a")
    run.fail("z")
    run.complete("undo:a", "undo:first")
    assert (run.status, run.undone) == ("COMPENSATED", ["a", "first"])


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (meet("m"), "needs `joinOn`"),
        (meet("m", "nope"), "there is no such step"),
        (meet("m", "later"), "which does not stand in front of it"),
        (meet("m", "a", default=("later",)), "which does not stand in front of it"),
        (meet("m", "x"), "inside 'f'"),
        (meet("m", "inner"), "inside 'l'"),
        (meet("m", "a", optional=True), ""),
    ],
)
def test_findings(step: Step, word: str):
    before = [WAYS, *fork("f", [task("x"), task("y")]), loop("l", task("inner"), items=[1])]
    found = check_workflow(workflow(before, step, task("later")))
    assert len(found) == bool(word), found
    assert word in "".join(found)


def test_only_it_has_a_default():
    step = task("a", default_exclusive_join_task=["b"])
    (found,) = check_workflow(workflow(task("b"), step))
    assert "only an EXCLUSIVE_JOIN has `defaultExclusiveJoinTask`" in found
    assert "EXCLUSIVE_JOIN" in STEP_TYPES
