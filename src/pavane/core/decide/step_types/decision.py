"""DECISION: a SWITCH by the value of one input, as older definitions of Conductor's have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.decide import flow
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.step_type import StepType
from pavane.core.decide.step_types.switch import as_case, take
from pavane.core.model.workflow import Step


class Decision(StepType):
    """Begin the case that the input named by `caseValueParam` names; an empty one is no case."""

    def findings(self, step: Step) -> Iterator[str]:
        """It needs the name of an input that it has."""
        name = step.case_value_param
        if not name:
            yield "a DECISION needs `caseValueParam`: the input that names the case"
        elif name not in step.input_parameters:
            yield f"a DECISION has caseValueParam {name!r}, which is not among its inputParameters"

    def begin(self, draft: Draft, node: Node, task_input: dict[str, Any]) -> None:
        """Choose, record the choice, and go on in the chosen branch."""
        case = as_case(task_input.get(node.step.case_value_param))
        output = {"caseOutput": [case], "selectedCase": case}
        row = flow.instant(draft, node, {**task_input, "case": case}, output)
        take(draft, node, row, case)
