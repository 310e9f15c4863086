"""Steps with all their fields, as the text of a call."""

from __future__ import annotations

from dataclasses import dataclass
from pprint import pformat
from typing import Any, cast

import msgspec

from pavane.core.model.workflow import Step

BY_CALL = frozenset({"name", "taskReferenceName", "type", "inputParameters", "metadata"})
"""The fields of a step that every call of one says in a way of its own, or that are no content."""

_NESTED = frozenset({"decisionCases", "defaultCase", "forkTasks", "loopOver"})
_JAVASCRIPT = ("javascript", "graaljs")
_WIDTH = 96


@dataclass(frozen=True)
class Code:
    """A text that is a program in another language."""

    word: str
    text: str

    def __repr__(self) -> str:
        return f"{self.word}({self.text!r})"


def written_fields(step: Step) -> dict[str, Any]:
    """The fields of a step that is written out, without the steps in it."""
    fields = msgspec.to_builtins(step)
    made: dict[str, Any] = {"ref": step.ref}
    if step.name != step.ref:
        made["name"] = step.name
    if step.input_parameters:
        made["input"] = _inputs(step, dict(fields["inputParameters"]))
    param = fields.get("subWorkflowParam", {})
    if "workflowDefinition" in param:
        param["workflowDefinition"] = _without_notes(param["workflowDefinition"])
    more = {k: v for k, v in fields.items() if k not in BY_CALL and k not in _NESTED}
    if step.evaluator_type in _JAVASCRIPT and step.expression:
        more["expression"] = Code("js", step.expression)
    if step.evaluator_type in (*_JAVASCRIPT, "") and step.loop_condition:
        more["loopCondition"] = Code("js", step.loop_condition)
    return {**made, **more}


def _without_notes(value: Any) -> Any:
    """A definition in place without what is no content of it."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: _without_notes(each) for key, each in members.items() if key != "metadata"}
    items = cast("list[Any]", value)
    return [_without_notes(each) for each in items] if isinstance(value, list) else value


def _inputs(step: Step, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs; those that are programs with the name of their language."""
    if step.type == "JSON_JQ_TRANSFORM" and isinstance(inputs.get("queryExpression"), str):
        inputs["queryExpression"] = Code("jq", inputs["queryExpression"])
    is_script = step.type == "INLINE" and inputs.get("evaluatorType") in _JAVASCRIPT
    if is_script and isinstance(inputs.get("expression"), str):
        inputs["expression"] = Code("js", inputs["expression"])
    return inputs


def written_call(word: str, first: list[str], fields: dict[str, Any], end: str) -> list[str]:
    """A call on one line, or with an argument on each."""
    given = [*first, *(f"{key}={value!r}" for key, value in fields.items())]
    line = f"{word}({', '.join(given)}){end}"
    if len(line) <= _WIDTH:
        return [line]
    lines = [f"{word}(", *(f"    {each}," for each in first)]
    for key, value in fields.items():
        shown = pformat(value, width=88 - len(key), sort_dicts=False, compact=True).splitlines()
        lines.append(f"    {key}={shown[0]}")
        lines += [f"    {' ' * (len(key) + 1)}{each}" for each in shown[1:]]
        lines[-1] += ","
    return [*lines, f"){end}"]
