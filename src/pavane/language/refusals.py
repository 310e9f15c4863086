"""Statements that the language does not have, each with what to do instead."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pavane.language import calls, outside
from pavane.language.bindings import assigned_names
from pavane.language.methods import CHANGED as UNCHANGEABLE
from pavane.language.source import MISSING
from pavane.language.values import POISON

if TYPE_CHECKING:
    from pavane.language.writer import Writer

NO_EFFECT = "this expression has no effect in a workflow"
FORGOT_AWAIT = f"{NO_EFFECT}: did you forget `await`?"
RETURN_AFTER = "return after the {}: assign what you need and return it there"
ONLY_STEP_FAILED = "a workflow can only catch StepFailed or a Fail of its own"
ENDLESS = "this loop never ends: no `break` in it"
LAST_WORD = "`break` or `continue` must end its `if`, with nothing nested around it"

_TASK = "Do it in a task."
_WORDS: dict[type[ast.stmt], tuple[str, str]] = {
    ast.With: ("`with`", "Open and close things in a task; `async with scope(…)` groups steps."),
    ast.Global: ("`global`", "Return values instead."),
    ast.FunctionDef: (
        "`def`",
        "Put a helper of one expression outside the workflow; a branch is a local `async def`.",
    ),
    ast.ClassDef: ("`class`", "Define it outside the workflow."),
    ast.Delete: ("`del`", "Leave the variable as it is."),
    ast.Import: ("`import`", "Import at the top of the file."),
    ast.ImportFrom: ("`import`", "Import at the top of the file."),
    ast.Assert: ("`assert`", 'Write `if not …: raise Fail("…")`.'),
    ast.TryStar: ("`except*`", "Write `except StepFailed`: the first failure ends the body."),
    ast.AsyncFor: ("`async for`", "Let a task collect the values and return them as a list."),
}


def statement(writer: Writer, node: ast.stmt) -> None:
    """Refuse a statement that has no handler."""
    word, remedy = _WORDS.get(type(node), (f"`{type(node).__name__.lower()}`", _TASK))
    writer.refuse(node, f"{word} is not part of the workflow language", remedy)
    for name in assigned_names([node]):
        writer.bindings.set(name, POISON)


def no_effect(writer: Writer, node: ast.expr) -> None:
    """Refuse an expression that stands alone."""
    if not isinstance(node, ast.Call):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            writer.reader.read(node)
        else:
            writer.refuse(node, NO_EFFECT, "Leave it out, or assign it.")
        return
    if writer.reader.local_function(node.func) is not None or _is_step(writer, node):
        writer.refuse(node, FORGOT_AWAIT, f"Write `await {ast.unparse(node)}`.")
        return
    value = writer.reader.read(node)
    if not value.poison:
        writer.refuse(node, NO_EFFECT, "Leave it out, or assign it.")


def _is_step(writer: Writer, node: ast.Call) -> bool:
    thing = outside.static(writer.reader, calls.without_options(node.func))
    return thing is not MISSING and calls.is_step(thing)


__all__ = ["ENDLESS", "FORGOT_AWAIT", "NO_EFFECT", "UNCHANGEABLE", "no_effect", "statement"]
