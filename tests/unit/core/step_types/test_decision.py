"""DECISION: a SWITCH as older definitions of Conductor's have it."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.check import check_workflow
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step
from tests.unit.core.build import fork, noop, of_type, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def decision(ref: str, on: Any, default: list[Step], **cases: list[Step]) -> Step:
    return of_type(
        "DECISION",
        ref,
        {"on": on},
        case_value_param="on",
        decision_cases=cases,
        default_case=default,
    )


def start(on: Any) -> Execution:
    ways = decision("c", "${workflow.input.on}", [task("d", undo=True)], x=[task("a")], empty=[])
    made = workflow(ways, task("z"))
    assert check_workflow(made) == []
    return World().start(made, on=on)


@pytest.mark.parametrize(
    ("on", "ref"), [("x", "a"), ("other", "d"), ("empty", "d"), (None, "d"), (True, "d")]
)
def test_the_value_names_the_case_and_an_empty_one_is_none(on: Any, ref: str):
    run = start(on)
    assert run.open == {ref}
    run.complete(ref)
    assert run.open == {"z"}


def test_what_it_shows():
    run = start("x")
    assert run.output_of("c") == {"caseOutput": ["x"], "selectedCase": "x"}
    assert run.input("c") == {"on": "x", "case": "x"}


def test_without_anything_to_begin_the_flow_goes_on():
    run = World().start(workflow(decision("c", "other", [], x=[task("a")]), task("z")))
    assert run.open == {"z"}


def test_the_way_back_goes_through_the_branch_that_was_taken():
    run = start("empty")
    run.complete("d")
    run.fail("z")
    run.complete("undo:d")
    assert (run.status, run.undone) == ("COMPENSATED", ["d"])


def test_in_a_branch_of_a_fork():
    inner = [decision("c", "x", [], x=[task("a", undo=True)]), noop("n")]
    run = World().start(workflow(fork("f", inner, task("b")), task("z")))
    run.complete("a", "b")
    run.fail("z")
    run.complete("undo:a")
    assert run.status == "COMPENSATED"


def test_a_join_does_not_wait_for_a_step_of_a_case():
    inner = [decision("c", "x", [], x=[task("a")])]
    (found,) = check_workflow(workflow(fork("f", inner, join_on=["a"])))
    assert "could wait for ever" in found


@pytest.mark.parametrize(
    ("fields", "word"),
    [({}, "needs `caseValueParam`"), ({"case_value_param": "nope"}, "not among")],
)
def test_findings(fields: dict[str, Any], word: str):
    (found,) = STEP_TYPES["DECISION"].findings(of_type("DECISION", "c", **fields))
    assert word in found
