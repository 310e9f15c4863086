"""`await race(…)`: the first step to be done wins, the others are called off and undone."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pavane.core.decide.races import WINNER
from pavane.core.model.workflow import Step
from pavane.language.bindings import changes
from pavane.language.kinds import joined
from pavane.language.operands import native
from pavane.language.values import POISON, Value, path

if TYPE_CHECKING:
    from pavane.language.writer import Writer

    Ready = Callable[[], Value]
    Prepare = Callable[[Writer, ast.expr], Ready | None]
    """Reads the arguments of a call that is a branch."""

_BRANCHES: Final = frozenset({"SIMPLE", "SUB_WORKFLOW", "WAIT", "HUMAN"})
_EXAMPLE: Final = 'Write race(ask_north(order), ask_south(order), sleep("2d")).'


def racing(writer: Writer, node: ast.Call, prepare: Prepare) -> Ready | None:
    """Read the arguments of every branch; None after a finding."""
    for keyword in node.keywords:
        writer.refuse(keyword.value, f"race() takes no '{keyword.arg}'", "Leave it out.")
        return None
    starred = next((each for each in node.args if isinstance(each, ast.Starred)), None)
    if starred is not None:
        writer.refuse(
            starred, "how many steps race() has must be known when it is compiled", _EXAMPLE
        )
        return None
    if len(node.args) < 2:
        writer.refuse(node, "race() needs at least two calls", _EXAMPLE)
        return None
    branches = [(each, prepare(writer, each)) for each in node.args]
    return lambda: _race(writer, node, branches)


def _race(writer: Writer, node: ast.Call, branches: list[tuple[ast.expr, Ready | None]]) -> Value:
    fork, join = writer.work.names.pair("race", "first")
    before = writer.bindings
    ways: list[tuple[str, Value]] = []
    written: list[list[Step]] = []
    for place, ready in branches:
        writer.bindings = before.fork()
        with writer.aside() as steps:
            value = POISON if ready is None else ready()
        if ready is not None and _is_branch(writer, place, steps):
            written.append(steps)
            ways.append((steps[0].ref, value))
        for _, name in changes(before, writer.bindings):
            writer.refuse(
                place,
                f"'{name}' is assigned in a branch of race(), which may lose and never have been",
                "Return it from the branch instead.",
            )
    writer.bindings = before
    if len(written) < len(branches) or any(value.poison for _, value in ways):
        return POISON
    kinds: dict[str, Any] = {"fork_tasks": written}
    writer.emit(node, Step(name=fork, task_reference_name=fork, type="FORK_JOIN", **kinds))
    ends = [ref for ref, _ in ways]
    writer.work.uses.add("race")
    writer.emit(
        node,
        Step(name=join, task_reference_name=join, type="JOIN", join_on=ends, join_count=1),
    )
    return _won(writer, [each for each, _ in branches], join, ways)


def _is_branch(writer: Writer, place: ast.expr, steps: list[Step]) -> bool:
    """Whether a branch is one step that can be called off; else a finding."""
    shown = ast.unparse(place.func) if isinstance(place, ast.Call) else ast.unparse(place)
    if len(steps) != 1:
        count = f"{len(steps)} steps" if steps else "no step"
        writer.refuse(
            place,
            f"a branch of race() is one step, which can be called off alone, and {shown}() has"
            f" {count}",
            "Make it a @workflow of its own, and call that." if steps else "Give it a step.",
        )
        return False
    step = steps[0]
    if step.type not in _BRANCHES:
        writer.refuse(
            place,
            f"{shown}() cannot lose a race, as it is over when it begins"
            if step.type == "EVENT"
            else f"{shown}() cannot be called off alone",
            "Race tasks, workflows, sleep(), until(), wait_for() or person().",
        )
        return False
    for option, wrong in (("pivot", step.pivot), ("optional", step.optional)):
        if wrong:
            writer.refuse(
                place,
                f"a branch of race() cannot be {'a pivot' if option == 'pivot' else option}: "
                + (
                    "if it loses, it may be past its way back already"
                    if option == "pivot"
                    else "it may fail anyway, as long as another one is done"
                ),
                f"Put the {option} step behind the race."
                if option == "pivot"
                else "Leave out `optional`.",
            )
            return False
    return True


def _won(writer: Writer, places: list[ast.expr], join: str, ways: list[tuple[str, Value]]) -> Value:
    """The result of the winner: chosen by its name."""
    winner = path(join, "output", WINNER, tp=str)
    *others, (_, last) = ways
    expr = native(writer.site, places[-1], last)
    for place, (ref, value) in reversed([*zip(places, others, strict=False)]):
        test = ast.Compare(winner.expr, [ast.Eq()], [ast.Constant(ref)])
        expr = ast.IfExp(test, native(writer.site, place, value), expr)
    kind = joined([value.type for _, value in ways])
    return Value(expr, type=kind, native=True, ways=(winner, tuple(ways)))
