"""SWITCH: one of several branches."""

from __future__ import annotations

from typing import Any

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step
from tests.unit.core.build import switch, task, workflow
from tests.unit.core.execution import Execution
from tests.unit.core.world import World


def start(*steps: Step, **given: Any) -> Execution:
    return World().start(workflow(*steps), **given)


@pytest.mark.parametrize(
    ("value", "begun"),
    [("x", "x"), ("y", "y"), ("other", "d"), (None, "null"), (True, "true"), (7, "seven")],
)
def test_the_value_names_the_case(value: Any, begun: str):
    step = Step(
        task_reference_name="c",
        type="SWITCH",
        evaluator_type="value-param",
        expression="on",
        input_parameters={"on": "${workflow.input.v}"},
        decision_cases={
            "x": [task("x")],
            "y": [task("y")],
            "null": [task("null")],
            "true": [task("true")],
            "7": [task("seven")],
        },
        default_case=[task("d")],
    )
    run = start(step, v=value)
    assert run.open == {begun}


def test_an_expression_names_the_case():
    step = Step(
        task_reference_name="c",
        type="SWITCH",
        evaluator_type="pavane",
        expression="'big' if total > 100 else 'small'",
        input_parameters={"total": "${workflow.input.total}"},
        decision_cases={"big": [task("b")], "small": [task("s")]},
    )
    assert start(step, total=500).open == {"b"}
    run = start(step, total=5)
    assert run.open == {"s"}
    assert run.row("c").output == b'{"evaluationResult":["small"],"selectedCase":"small"}'
    assert run.input("c") == {"total": 5, "case": "small"}


def test_an_expression_that_cannot_be_evaluated_fails_for_good():
    step = Step(
        task_reference_name="c",
        type="SWITCH",
        evaluator_type="pavane",
        expression="total > 100",
        input_parameters={"total": "${workflow.input.total}"},
    )
    run = start(step, total="many")
    assert (run.status, run.row("c").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")


def test_an_empty_case_runs_nothing_even_beside_a_default():
    run = start(switch("c", "x", task("d"), x=[]), task("z"))
    assert run.open == {"z"}


def test_without_a_case_and_a_default_the_flow_goes_on():
    run = start(switch("c", "what", x=task("x")), task("z"))
    assert run.open == {"z"}


def test_the_flow_goes_on_behind_it_from_nested_cases():
    inner = switch("i", "y", y=[task("y")])
    run = start(switch("o", "x", x=[task("x"), inner]), task("z"))
    run.complete("x", "y")
    assert run.open == {"z"}


def test_a_switch_may_be_the_last_step():
    run = start(switch("c", "x", x=task("x")))
    run.complete("x", n=1)
    assert (run.status, run.output) == ("COMPLETED", {"n": 1})
    run = start(switch("c", "what", x=task("x")))
    assert (run.status, run.output) == (
        "COMPLETED",
        {"evaluationResult": ["what"], "selectedCase": "what"},
    )


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"evaluator_type": "javascript", "expression": "$.x"}, "javascript"),
        ({"evaluator_type": ""}, "(none)"),
        ({"evaluator_type": "value-param"}, "expression"),
        ({"evaluator_type": "value-param", "expression": "on"}, "inputParameters"),
        ({"evaluator_type": "pavane"}, "expression"),
    ],
)
def test_findings(fields: dict[str, Any], word: str):
    found = list(STEP_TYPES["SWITCH"].findings(Step(type="SWITCH", **fields)))
    assert len(found) == 1
    assert word in found[0]


def test_no_findings():
    assert list(STEP_TYPES["SWITCH"].findings(switch("c", "x"))) == []
