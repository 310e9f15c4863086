"""Variables that are set, steps that only stand there, and ends of a workflow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from pavane.core.model.workflow import Step
from pavane.language.back.calls import is_bare
from pavane.language.back.data import Names, expression
from pavane.language.back.shapes import CONVERTED, Shape

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing

_SILENT = re.compile(r"(nothing|join(_\d+)?_end)(_\d+)?")


def assigned(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A SET_VARIABLE as the assignments that it comes from, all at once."""
    given = step.input_parameters
    paths = [f"workflow.variables.{key}" for key in given]
    if not is_bare(step) or not given or not all(path in names for path in paths):
        return 0
    values = [
        value_of(writing, each, writing.wishes.at(path), names)
        for path, each in zip(paths, given.values(), strict=True)
    ]
    writing.line(f"{', '.join(names[path] for path in paths)} = {', '.join(values)}")
    return 1


def value_of(writing: Writing, value: Any, shape: Shape, names: Names) -> str:
    """A value in the type of the place that it is put in."""
    if isinstance(value, list) and shape.is_list:
        items = cast("list[Any]", value)
        inner = shape.elements()
        return f"[{', '.join(value_of(writing, each, inner, names) for each in items)}]"
    shown = expression(value, names)
    if isinstance(value, str) and "${" not in value and shape.kind in CONVERTED.values():
        if shape.kind in ("Decimal", "UUID"):
            return f"{shape.kind}({shown})"
        return f"{shape.kind}.fromisoformat({shown})"
    if isinstance(value, dict) and shape.record:
        members = cast("dict[str, Any]", value)
        known = {key: each.shape for key, each in shape.record.items()}
        if members.keys() <= known.keys():
            given = [
                f"{key}={value_of(writing, each, known[key], names)}"
                for key, each in members.items()
            ]
            return f"{writing.type_of(shape, 'value').removesuffix(' | None')}({', '.join(given)})"
    return shown


def nothing(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A NOOP that is there because a branch or a scope needs a step."""
    return 1 if is_bare(step) and _SILENT.fullmatch(step.ref) else 0


def ended(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A TERMINATE as `raise Fail(…)` or `return …`."""
    given: dict[str, Any] = step.input_parameters
    if not is_bare(step):
        return 0
    status = given.get("terminationStatus")
    if list(given) == ["terminationStatus", "terminationReason"] and status == "FAILED":
        writing.public.add("Fail")
        writing.line(f"raise Fail({expression(given['terminationReason'], names)})")
        return 1
    if list(given) == ["terminationStatus", "workflowOutput"] and status == "COMPLETED":
        output = given["workflowOutput"]
        if output:
            writing.returns = True
        writing.line(f"return {output_of(writing, output, names)}".rstrip())
        return 1
    return 0


def output_of(writing: Writing, output: Any, names: Names) -> str:
    """What `return` gives."""
    if output == {}:
        return ""
    if writing.wraps:
        return expression(output["result"], names)
    return expression(output, names)
