"""Expressions: well formed, and about something that there is."""

from __future__ import annotations

import pytest

from pavane.core.check import check_workflow
from pavane.core.model.workflow import Undo
from tests.unit.core.build import of_type, scope, task, workflow


def test_a_name_that_is_no_step():
    found = check_workflow(workflow(task("ship"), task("b", inputs={"x": "${shpi.output.x}"})))
    assert found == [
        "Step 'b': inputParameters.x reads 'shpi', and there is no such step; did you mean 'ship'?"
    ]


def test_everything_is_found_at_once():
    steps = [
        task("a", inputs={"x": "${b.output.x", "y": "${zzz.output}", "z": "${= 1 + }"}),
        task(
            "b",
            inputs={"deep": [{"er": "${qqq.output}"}]},
            undo=Undo(name="u", input_parameters={"x": "${rrr.output}"}),
        ),
    ]
    found = check_workflow(workflow(*steps, output_parameters={"o": "${sss.output}"}))
    assert len(found) == 6
    for text, word in zip(
        found,
        ["never closed", "'zzz'", "inputParameters.z", "'qqq'", "'rrr'", "'sss'"],
        strict=True,
    ):
        assert word in text
    assert found[-1].startswith("The workflow's output: outputParameters.o reads 'sss'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "${workflow.inputs.x}",
            "reads workflow.inputs, which no execution has; did you mean 'input'?",
        ),
        ("${workflow.env.HOME}", "environment variables are not built yet"),
        ("${workflow.secrets.key}", "secrets are not built yet"),
        ("${a.outptu.x}", "reads a.outptu, which no step has; did you mean 'output'?"),
        ("${a.total}", "did you mean a.output.total?"),
        ("${= zzz.output.x + 1 }", "reads 'zzz', and there is no such step"),
        ("${[0].x}", "the path does not start with a name"),
    ],
)
def test_what_cannot_be_read(text: str, words: str):
    found = check_workflow(workflow(task("a"), task("b", inputs={"x": text})))
    assert len(found) == 1
    assert words in found[0]
    assert found[0].startswith("Step 'b': inputParameters.x")


def test_a_scope_sees_only_its_own_steps():
    inner = task("x", inputs={"v": "${outside.output.v}"})
    found = check_workflow(workflow(task("outside"), scope("s", inner)))
    assert found == [
        "In scope 's': Step 'x': inputParameters.v reads 'outside', and there is no such step; "
        "pass it in as an input of the scope."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "${workflow.input.x}",
        "${workflow.variables.x}",
        "${workflow.workflowId}",
        "${a.output.deep[0]['er']}",
        "${a.status}",
        "${['a b'].output.x}",
        "${${workflow.input.which}.output.x}",
        "$${zzz.output}",
        "${ }",
        "${= workflow.input.x + a.output.y }",
        7,
        None,
    ],
)
def test_what_can_be_read(text: object):
    assert check_workflow(workflow(task("a"), task("a b"), task("z", inputs={"x": text}))) == []


def test_the_expression_of_a_switch_names_its_inputs():
    choice = of_type(
        "SWITCH", "c", {"total": 1}, evaluator_type="pavane", expression="totl > max([1, 2])"
    )
    assert check_workflow(workflow(choice)) == [
        "Step 'c': its expression names 'totl', which is not among its inputParameters; "
        "did you mean 'total'?"
    ]
    broken = of_type("INLINE", "i", {"x": 1}, evaluator_type="pavane", expression="x +")
    found = check_workflow(workflow(broken))
    assert len(found) == 1
    assert found[0].startswith("Step 'i': expression")
