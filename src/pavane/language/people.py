"""`await person(…)`: a person who is asked, and may answer in time or not."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pavane.core.model.workflow import Step
from pavane.language import outside
from pavane.language.contract import is_object, type_name, without_none
from pavane.language.source import MISSING
from pavane.language.steps import duration_inputs
from pavane.language.values import Value, step_result

if TYPE_CHECKING:
    from pavane.language.writer import Writer

Ready = Callable[[], Value]

_EXAMPLE: Final = 'Write person("approve", to="finance", deadline="2d", total=order.total).'
_OURS: Final = ("to", "deadline", "result")


def asking(writer: Writer, node: ast.Call) -> Ready | None:
    """`person("approve", to=…, deadline=…, result=Type, **input)`: a HUMAN."""
    name = _name(writer, node)
    given = {each.arg: each.value for each in node.keywords}
    if name is None or not _spelled_out(writer, node):
        return None
    inputs: dict[str, Any] = {}
    if "to" in given and not _to(writer, given["to"], inputs):
        return None
    timed = "deadline" in given and not _is_none(given["deadline"])
    if timed and not _deadline(writer, given["deadline"], inputs):
        return None
    kind = _result(writer, given["result"]) if "result" in given else dict[str, Any]
    if kind is MISSING:
        return None
    for each in node.keywords:
        if each.arg not in _OURS:
            value = writer.reader.read(each.value)
            if value.poison:
                return None
            inputs[str(each.arg)] = writer.template(each.value, value)

    def emit() -> Value:
        ref = writer.work.names.new(name)
        if timed:  # Conductor would wait for ever
            writer.work.uses.add("deadline")
        step = Step(name=name, task_reference_name=ref, type="HUMAN", input_parameters=inputs)
        writer.emit(node, step)
        answer = step_result(ref, kind)
        return answer.with_type(kind | None) if timed else answer

    return emit


def _name(writer: Writer, node: ast.Call) -> str | None:
    first = node.args[0] if len(node.args) == 1 else None
    name = first.value if isinstance(first, ast.Constant) else None
    if isinstance(name, str) and name.isidentifier():
        return name
    writer.refuse(
        first or node,
        "person() needs a name for what is asked: a text of letters, digits and underscores",
        _EXAMPLE,
    )
    return None


def _spelled_out(writer: Writer, node: ast.Call) -> bool:
    """Whether each input has a name of its own that means nothing else; else a finding."""
    for each in node.keywords:
        if each.arg is None:
            writer.refuse(each.value, "person() takes no `**` in a workflow", "Name each input.")
            return False
        if each.arg == "onDeadline":
            writer.refuse(
                each.value, "an input of person() cannot be named 'onDeadline'", "Rename it."
            )
            return False
    return True


def _to(writer: Writer, node: ast.expr, inputs: dict[str, Any]) -> bool:
    value = writer.reader.read(node)
    if value.poison:
        return False
    base = without_none(value.type)[0]
    if isinstance(value.expr, ast.Constant) and not value.expr.value:
        writer.refuse(node, "to= names nobody", 'Give a name, such as to="finance".')
        return False
    if base in (int, float, bool) or is_object(base):
        writer.refuse(node, f"to= takes a name or a list of names, not {type_name(base)}", _EXAMPLE)
        return False
    inputs["to"] = writer.template(node, value)
    return True


def _deadline(writer: Writer, node: ast.expr, inputs: dict[str, Any]) -> bool:
    value = writer.reader.read(node)
    found = None if value.poison else duration_inputs(writer, node, value, "deadline=")
    if found is None:
        return False
    inputs["deadline"] = found["duration"]
    inputs["onDeadline"] = "continue"
    return True


def _result(writer: Writer, node: ast.expr) -> Any:
    """The type of the answer; MISSING after a finding."""
    kind: Any = outside.static(writer.reader, node)
    if isinstance(kind, type) and is_object(kind):
        return kind
    writer.refuse(
        node,
        f"result={ast.unparse(node)} is no type of object, and an answer is an object",
        "Name a struct, a dataclass, a TypedDict or dict.",
    )
    return MISSING


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
