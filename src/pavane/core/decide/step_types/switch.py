"""SWITCH: one of several branches, chosen by a value or by an expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.lists import branch
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.inline import evaluate
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError

EVALUATORS = ("value-param", "pavane")


class Switch(StepType):
    """Begin the first step of the case that the value names, else of the default case."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs an evaluator that is built, and an expression."""
        if step.evaluator_type not in EVALUATORS:
            yield (
                f"a SWITCH has evaluatorType {step.evaluator_type or '(none)'!r}; "
                "use `value-param` or `pavane`"
            )
        elif not step.expression:
            yield "a SWITCH needs an `expression`"
        elif step.evaluator_type == "value-param" and step.expression not in step.input_parameters:
            yield (
                f"a SWITCH by value-param names the input {step.expression!r}, "
                "which is not among its inputParameters"
            )

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Choose, record the choice, and go on in the chosen branch."""
        try:
            if node.expression is not None:
                value = evaluate(node.expression, task_input)
            else:
                value = task_input.get(node.step.expression)
        except ExpressionError as error:
            flow.reject(draft, node, str(error), encode(task_input))
            return
        case = as_case(value)
        output = {"evaluationResult": [case], "selectedCase": case}
        row = flow.instant(draft, node, {**task_input, "case": case}, output)
        take(draft, node, row, case)


def take(draft: Draft, node: Node, row: TaskRow, case: str) -> None:
    """Begin the first step of a case; where there is none the flow goes on behind the choice."""
    first, _ = branch(node, case)
    if first:
        draft.agenda.append(first)
    else:
        flow.go_on(draft, node, row)


def as_case(value: Any) -> str:
    """The text by which a value names its case: JSON's spelling, strings as they are."""
    return value if isinstance(value, str) else encode(value).decode()
