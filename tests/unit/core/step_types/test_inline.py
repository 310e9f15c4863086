"""INLINE: a value computed in place."""

from __future__ import annotations

import pytest

from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model.workflow import Step
from tests.unit.core.build import of_type, task, workflow
from tests.unit.core.world import World


def inline(expression: str, **inputs: object) -> Step:
    return of_type("INLINE", "i", inputs, evaluator_type="pavane", expression=expression)


def test_its_output_is_the_result():
    step = inline("sum(x * 2 for x in numbers)", numbers="${workflow.input.numbers}")
    after = task("a", inputs={"r": "${i.output.result}"})
    run = World().start(workflow(step, after), numbers=[1, 2, 3])
    assert run.input("a") == {"r": 12}
    assert run.row("i").output == b'{"result":12}'


def test_what_cannot_be_computed_fails_for_good():
    run = World().start(workflow(inline("x / 0", x=1)))
    assert (run.status, run.row("i").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "i" in run.header.reason


def test_an_endless_computation_is_stopped():
    step = inline("sum(1 for a in xs for b in xs for c in xs for d in xs)", xs=list(range(200)))
    run = World().start(workflow(step))
    assert run.status == "FAILED"


@pytest.mark.parametrize("evaluator", ["", "javascript", "python"])
def test_other_evaluators_are_not_built(evaluator: str):
    step = of_type("INLINE", "i", evaluator_type=evaluator, expression="1")
    assert "pavane" in next(iter(STEP_TYPES["INLINE"].findings(step)))


def test_no_findings():
    assert list(STEP_TYPES["INLINE"].findings(inline("1 + 1"))) == []
