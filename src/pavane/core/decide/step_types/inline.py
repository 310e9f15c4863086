"""INLINE: a value computed in place by our own evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.expressions.evaluator import Expression
from pavane.core.expressions.wire import to_wire
from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError


class Inline(StepType):
    """Evaluate the expression over the step's inputs; the output is `{"result": value}`."""

    def findings(self, step: Step) -> Iterator[str]:
        """Only the evaluator `pavane` is built."""
        if step.evaluator_type != "pavane":
            yield (
                f"an INLINE has evaluatorType {step.evaluator_type or 'javascript'!r}; use `pavane`"
            )

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Evaluate; what cannot be evaluated fails for good."""
        assert node.expression is not None
        try:
            result = evaluate(node.expression, task_input)
        except ExpressionError as error:
            flow.reject(draft, node, str(error), encode(task_input))
            return
        row = flow.instant(draft, node, task_input, {"result": result})
        flow.go_on(draft, node, row)


class Inputs:
    """The roots that the expression of a SWITCH or INLINE sees: its inputs, by name."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def root(self, name: str) -> object:
        """The input of that name; KeyError when there is none."""
        return self.values[name]


def evaluate(expression: Expression, task_input: dict[str, Any]) -> Any:
    """The value as JSON has it. Raises ExpressionError."""
    return to_wire(expression.evaluate(Inputs(task_input)))
