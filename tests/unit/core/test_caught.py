"""A scope that may fail: it is undone before the flow goes on, and says why it failed."""

from __future__ import annotations

import json

import pytest

from pavane.core.model.workflow import Workflow
from pavane.core.projection.reading import read_choreography
from tests.unit.core.build import scope, switch, task, terminate, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.projection.playing import play
from tests.unit.core.test_undo import undo_all
from tests.unit.core.world import World


def tried(*steps, **fields) -> Workflow:
    """The shape to which `try: … except StepFailed` compiles."""
    return workflow(
        scope("s", *steps, optional=True, **fields),
        switch("c", "${s.status}", task("well"), COMPLETED_WITH_ERRORS=task("badly")),
        task("told", inputs={"why": "${s.output.failure}"}),
    )


def start(*steps) -> Execution:
    return World().start(tried(*steps))


def told(run: Execution) -> object:
    return json.loads(run.row("told").input)["why"]


def test_what_was_done_is_undone_before_the_other_way_begins():
    run = start(task("a", undo=True), task("b"))
    child = run.child("s")
    child.complete("a")
    child.fail("b", "no luck")
    assert child.status == "COMPENSATING"
    assert run.open == {"s"}
    undo_all(child)
    assert (child.status, child.undone) == ("COMPENSATED", ["a"])
    assert run.row("s").status == "COMPLETED_WITH_ERRORS"
    assert run.open == {"badly"}
    run.complete("badly")
    assert told(run) == {"kind": "step", "step": "b", "reason": "no luck"}


def test_where_nothing_fails_the_one_way_is_taken_and_there_is_no_failure():
    run = start(task("a"))
    run.child("s").complete("a")
    run.complete("well")
    assert told(run) is None


def test_a_terminate_is_a_failure_of_another_kind():
    run = start(terminate("t", "FAILED", terminationReason="too dear"))
    run.complete("badly")
    assert told(run) == {"kind": "fail", "step": "", "reason": "too dear"}


def test_in_front_of_the_reason_stands_the_step_inside_a_step_that_failed():
    run = start(scope("inner", task("a")))
    run.child("s").child("inner").fail("a", "no luck")
    run.complete("badly")
    assert told(run) == {"kind": "step", "step": "inner", "reason": "a: no luck"}


def test_a_scope_that_must_not_fail_says_nothing_more():
    run = World().start(workflow(scope("s", task("a"))))
    run.child("s").fail("a", "no luck")
    assert run.row("s").output == b"{}"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fails", [(), ("s/b",)])
def test_dancers_learn_the_same(seed: int, fails: tuple[str, ...]):
    owned = [
        task("a", undo=True, service="one"),
        task("b", service="two"),
        task("badly", service="three", inputs={"why": "${s.output.failure}"}),
        task("well", service="one"),
    ]
    definition = workflow(
        scope("s", owned[0], owned[1], optional=True),
        switch("c", "${s.status}", owned[3], COMPLETED_WITH_ERRORS=owned[2]),
        task("last", service="two", inputs={"how": "${s.status}"}),
    )
    played = play(read_choreography(definition, {}), {}, fails=fails, seed=seed)
    assert played.status == "closed"
    if fails:
        assert played.calls == ["s/a", "s/b", "undo:s/a", "badly", "last"]
        why = {"kind": "step", "step": "b", "reason": "s/b was made to fail"}
        assert played.inputs["badly"] == {"why": why}
        assert played.inputs["last"] == {"how": "COMPLETED_WITH_ERRORS"}
    else:
        assert played.calls == ["s/a", "s/b", "well", "last"]
        assert played.inputs["last"] == {"how": "COMPLETED"}
