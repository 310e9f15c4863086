"""SET_VARIABLE: each input becomes a variable of the execution."""

from __future__ import annotations

from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType


class SetVariable(StepType):
    """Write every input under its name; `${workflow.variables.<name>}` reads it."""

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """A variable is a row of its own, so that the header does not grow."""
        for name, value in task_input.items():
            draft.values[f"var:{name}"] = encode(value)
        flow.go_on(draft, node, flow.instant(draft, node, task_input, {}))
