"""Steps written out as in JSON, for what has no form of its own: `step`, `decision`, `loop`, …

Everything that they are given is a literal and stands in the definition as it is, `${…}` included.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any, cast

import msgspec

from pavane.core.model.workflow import Step
from pavane.language import outside
from pavane.language.liveness import EMPTY
from pavane.language.offers import word_of
from pavane.language.source import MISSING
from pavane.language.values import Value, path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pavane.language.writer import Writer

    Prepare = Callable[[Writer, ast.expr], Callable[[], Value] | None]
    """Reads the arguments of a call that is a branch."""

WORDS = frozenset({"step", "decision", "loop", "fork", "definition"})
_LITERALS = 'Write it out: step("HTTP", ref="call", input={"url": "${workflow.input.url}"}).'


def word_in(writer: Writer, node: ast.expr) -> str:
    """The word of this kind that an expression calls, or an empty text."""
    if not isinstance(node, ast.Call):
        return ""
    thing = outside.static(writer.reader, node.func)
    word = "" if thing is MISSING else word_of(thing)
    return word if word in WORDS else ""


def preparing(
    writer: Writer, node: ast.Call, word: str, prepare: Prepare
) -> Callable[[], Value] | None:
    """`await step("TYPE", ref=…, input=…, …)` or `await fork(a(), b(), ref=…)`."""
    if word not in ("step", "fork"):
        writer.refuse(node, f"{word}() is not awaited", "See the reference of the language.")
        return None
    step = _read(writer, node, "FORK_JOIN" if word == "fork" else "")
    if step is None:
        return None
    if word == "step":
        return lambda: _emit(writer, node, step)
    return lambda: _fork(writer, node, step, prepare)


def _emit(writer: Writer, node: ast.AST, step: Step) -> Value:
    if not writer.work.names.take(step.ref):
        return writer.refuse(
            node, f"the name '{step.ref}' is used by two steps", "Give each step its own ref."
        )
    writer.work.uses.add("written out")
    writer.emit(node, step)
    return path(step.ref, "output", tp=dict[str, Any])


def _read(writer: Writer, node: ast.Call, kind: str) -> Step | None:
    """The step that a call writes out; None after a finding."""
    try:
        given = {each.arg: _literal(writer, each.value) for each in node.keywords}
        if not kind:
            kind = ast.literal_eval(node.args[0])
        fields = {
            "type": sys.intern(kind),
            "taskReferenceName": given.pop("ref"),
            **cast("Any", given),
        }
        fields["inputParameters"] = fields.pop("input", {})
        fields.setdefault("name", fields["taskReferenceName"])
        return msgspec.convert(fields, Step)
    except msgspec.ValidationError as error:
        writer.refuse(node, f"this is no step: {error}", _LITERALS)
    except (KeyError, IndexError, ValueError, TypeError):
        shown = ast.unparse(node.func)
        writer.refuse(node, f"{shown}() takes literals, and a ref for each step", _LITERALS)
    return None


def _literal(writer: Writer, node: ast.expr) -> Any:
    """The value of a literal, in which `js("…")` and `jq("…")` are texts."""
    return ast.literal_eval(_Code(writer).visit(node))


class _Code(ast.NodeTransformer):
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Its one argument for a call that says in which language it is."""
        thing = outside.static(self._writer.reader, node.func)
        said = thing is not MISSING and word_of(thing) in ("js", "jq") and len(node.args) == 1
        return node.args[0] if said else node


def _fork(writer: Writer, node: ast.Call, step: Step, prepare: Prepare) -> Value:
    branches: list[list[Step]] = []
    before = writer.bindings
    for each in node.args:
        writer.bindings = before.fork()
        ready = prepare(writer, each)
        with writer.aside() as steps:
            if ready is not None:
                ready()
        branches.append(steps)
    writer.bindings = before
    return _emit(writer, node, msgspec.structs.replace(step, fork_tasks=branches))


def write_decision(writer: Writer, node: ast.Match) -> bool:
    """`match decision(…)`: its cases are texts, and `_` for the default."""
    assert isinstance(node.subject, ast.Call)
    step = _read(writer, node.subject, "SWITCH" if not node.subject.args else "")
    cases: dict[str, list[Step]] = {}
    default: list[Step] = []
    goes_on = not any(isinstance(c.pattern, ast.MatchAs) for c in node.cases)
    for case in node.cases:
        steps, again = _block(writer, case.body)
        goes_on = goes_on or again
        pattern = case.pattern
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and not case.guard:
            default = steps
        elif (
            isinstance(pattern, ast.MatchValue)
            and isinstance(pattern.value, ast.Constant)
            and not case.guard
        ):
            cases[str(pattern.value.value)] = steps
        else:
            writer.refuse(pattern, "the cases of decision() are texts and `_`", _LITERALS)
    if step is not None:
        step = msgspec.structs.replace(step, decision_cases=cases, default_case=default)
        _emit(writer, node, step)
    return goes_on


def write_loop(writer: Writer, node: ast.While) -> bool:
    """`while loop(…)`: a DO_WHILE."""
    assert isinstance(node.test, ast.Call)
    step = _read(writer, node.test, "DO_WHILE")
    steps, _ = _block(writer, node.body)
    if step is not None:
        _emit(writer, node, msgspec.structs.replace(step, loop_over=steps))
    return True


def _block(writer: Writer, body: list[ast.stmt]) -> tuple[list[Step], bool]:
    """The steps of a block. What it assigns is not known behind it: nothing is handed on."""
    before, outer = writer.bindings, writer.round
    writer.bindings, writer.round = before.fork(), None
    writer.nested += 1
    with writer.aside() as steps:
        goes_on = writer.block(body, EMPTY)
    writer.nested -= 1
    writer.bindings, writer.round = before, outer
    return steps, goes_on


def write_definition(writer: Writer, node: ast.Call) -> None:
    """`definition(timeoutSeconds=60, …)`: fields of the whole definition."""
    try:
        writer.work.fields.update(
            {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}
        )
    except (ValueError, TypeError):
        writer.refuse(node, "definition() takes literals", "Write them out.")


__all__ = ["preparing", "word_in", "write_decision", "write_definition", "write_loop"]
