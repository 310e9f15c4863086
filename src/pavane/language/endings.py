"""How a workflow ends: `return` at the end or early, and `raise Fail`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.errors import Fail
from pavane.language import outside
from pavane.language.contract import RESULT, is_none, is_object, record_fields, without_none
from pavane.language.liveness import Names
from pavane.language.refusals import RETURN_AFTER
from pavane.language.texts import has_text
from pavane.language.values import NOTHING, Value, members_of, stepped

if TYPE_CHECKING:
    from pavane.language.writer import Writer

_AROUND = {"scope": "scope", "try": "try", "branch": "gather"}


def write_return(writer: Writer, node: ast.Return, live: Names) -> bool:
    """`return`: the output of the workflow, or a TERMINATE where it is early."""
    if writer.place != "workflow":
        _refuse_return(writer, node)
        return True  # so that what follows is read as well
    value = NOTHING if node.value is None else writer.reader.read(node.value)
    if value.poison:
        return False
    made = outputs(writer, node, value)
    if writer.nested == 0 and isinstance(made, dict):
        writer.outputs = made
        return False
    if writer.nested == 0 and made is None:
        writer.outputs = {}
        return False
    _terminate(writer, node, "finish", terminationStatus="COMPLETED", workflowOutput=made or {})
    return False


def _refuse_return(writer: Writer, node: ast.Return) -> None:
    if writer.place == "branch":
        writer.refuse(
            node,
            "`return` must be the last line of a branch; " + RETURN_AFTER.format("gather"),
            "Assign in both ways of the `if`, and return the variable on the last line.",
        )
    else:
        writer.refuse(
            node,
            RETURN_AFTER.format(_AROUND[writer.place]),
            "A scope or the body of a `try` has an execution of its own, which cannot end the one"
            " around it.",
        )


def outputs(writer: Writer, node: ast.AST, value: Value) -> dict[str, Any] | str | None:
    """What a workflow gives out: an object, a path to a whole one, or nothing."""
    if is_none(writer.returns):
        return None
    if not is_object(writer.returns):
        return {RESULT: writer.template(node, value)}
    if value.fields is not None or members_of(value.expr) is None:
        return writer.template(node, value)
    known = record_fields(without_none(value.type)[0])
    if known is None:
        return writer.template(node, value)
    return {
        each.wire: writer.template(node, Value(stepped(value.expr, each.wire))) for each in known
    }


def finish(writer: Writer) -> None:
    """The end of the body was reached without a `return`: Python gives None."""
    if not is_none(writer.returns) and not is_object(writer.returns):
        writer.outputs = {RESULT: None}


def write_raise(writer: Writer, node: ast.Raise, live: Names) -> bool:
    """`raise Fail("…")`: the workflow, or the scope, fails with this reason."""
    reason = _reason(writer, node)
    if reason is not None:
        _terminate(writer, node, "fail", terminationStatus="FAILED", terminationReason=reason)
    return False


def _reason(writer: Writer, node: ast.Raise) -> Any:
    raised = node.exc
    if raised is None and writer.caught is not None:
        return writer.template(node, writer.caught)
    func = raised.func if isinstance(raised, ast.Call) else raised
    if func is None or outside.static(writer.reader, func) is not Fail:
        writer.refuse(
            node,
            "a workflow can only raise Fail",
            'Write `raise Fail("what went wrong")`; other errors belong in tasks.',
        )
        return None
    if node.cause is not None and writer.caught is None:
        writer.refuse(node.cause, "`from` is not part of the workflow language", "Leave it out.")
        return None
    arguments = raised.args if isinstance(raised, ast.Call) else []
    if len(arguments) != 1 or (isinstance(raised, ast.Call) and raised.keywords):
        writer.refuse(
            node, "Fail takes one text in a workflow", 'Write `raise Fail("what went wrong")`.'
        )
        return None
    value = writer.reader.read(arguments[0])
    if value.poison or not has_text(writer.reader, arguments[0], value):
        return None
    return writer.template(node, value)


def _terminate(writer: Writer, node: ast.AST, wish: str, **inputs: Any) -> None:
    name = writer.work.names.new(wish)
    writer.emit(
        node,
        Step(name=name, task_reference_name=name, type="TERMINATE", input_parameters=inputs),
    )
