"""A DO_WHILE as `for` or `while`, with the `break`s that its condition asks for."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING, cast

import msgspec

from pavane.core.model.workflow import Step
from pavane.language.back.data import Names, computed
from pavane.language.back.ends import value_of
from pavane.language.back.stubs import NoFormError
from pavane.language.back.written import BY_CALL
from pavane.language.bindings import assigned_names

if TYPE_CHECKING:
    from pavane.language.back.writing import Writing

_KNOWN = frozenset({*BY_CALL, "items", "loopCondition", "evaluatorType", "loopOver"})


def loop(writing: Writing, step: Step, following: Step | None, names: Names) -> int:
    """A loop with a body."""
    if msgspec.to_builtins(step).keys() - _KNOWN or step.input_parameters:
        return 0
    if step.name != step.ref or step.evaluator_type != ("pavane" if step.loop_condition else ""):
        return 0
    leaves, test = _parted(step.loop_condition)
    if step.items is not None:
        if test is not None:
            return 0
        items = writing.wishes.items[step.ref]
        over = value_of(writing, step.items, items, names)
        item = writing.stubs.fresh(_one_of(over))
        names[f"{step.ref}.output.loopItem"] = item
        writing.line(f"for {item} in {over}:")
    else:
        shown = "True" if test is None else computed(ast.unparse(test), names)
        writing.line(f"while {shown}:")
    for ref, case in leaves:
        writing.breaks.setdefault(ref, set()).add(case)
    writing.loops.append(step.ref)
    start = len(writing.lines)
    writing.inside(step.loop_over, names)
    writing.loops.pop()
    if early := _assigned_early(writing, step, writing.lines[start:], names):
        writing.depth += 1
        writing.insert(start, f"{', '.join(early)} = {', '.join(early)}", step.ref)
        writing.depth -= 1
    return 1


def _assigned_early(writing: Writing, step: Step, lines: list[str], names: Names) -> list[str]:
    """What must be assigned in front of a body, so that variables get their numbers in order."""
    paths = [f"workflow.variables.{key}" for key in writing.wishes.handed_on.get(step.ref, ())]
    wanted = [names[path] for path in paths if path in names]
    body = ast.parse(textwrap.dedent("\n".join(["if True:", *lines]))).body[0]
    assert isinstance(body, ast.If)
    found = [each for each in assigned_names(body.body) if each in wanted]
    for count in range(len(wanted) + 1):
        if [*wanted[:count], *(each for each in found if each not in wanted[:count])] == wanted:
            return wanted[:count]
    return []


def _one_of(over: str) -> str:
    """A name for one of these: `line` of `order.lines`."""
    last = re.split(r"\W+", over.rstrip("])'\""))[-1]
    return last[:-1] if len(last) > 2 and last.endswith("s") and last.isidentifier() else "each"


def _parted(condition: str) -> tuple[list[tuple[str, str | None]], ast.expr | None]:
    """The cases of SWITCHes behind which a `break` stands, and the test that is left."""
    if not condition:
        return [], None
    try:
        whole = ast.parse(condition, mode="eval").body
    except SyntaxError as error:
        raise NoFormError(condition) from error
    is_all = isinstance(whole, ast.BoolOp) and isinstance(whole.op, ast.And)
    parts = whole.values if isinstance(whole, ast.BoolOp) and is_all else [whole]
    leaves: list[tuple[str, str | None]] = []
    rest = list(parts)
    while rest and (leap := _leap(rest[0])) is not None:
        leaves.append(leap)
        del rest[0]
    if not rest or (isinstance(rest[0], ast.Constant) and rest[0].value is True):
        return leaves, None
    if not leaves:
        return [], whole
    if len(rest) > 1:
        raise NoFormError(condition)
    return leaves, rest[0]


def _leap(test: ast.expr) -> tuple[str, str | None] | None:
    """SWITCH and case of a `break`: the loop goes on if another one was chosen."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=[ast.Compare(ops=[ast.Is()]), ast.Compare() as stays]):
            return _leap(stays)
        case ast.Compare(
            left=ast.Attribute(
                value=ast.Attribute(value=ast.Name(id=ref), attr="output"), attr="selectedCase"
            ),
            ops=[ast.NotEq() | ast.Eq() | ast.In() as operator],
            comparators=[value],
        ):
            chosen = cast("str", value.value) if isinstance(value, ast.Constant) else None
            return ref, chosen if isinstance(operator, ast.NotEq) else None
        case _:
            return None
