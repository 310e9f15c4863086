"""`try: … except StepFailed as e: …`: a scope that may fail, and a SWITCH on what became of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pavane.core.model.workflow import Step
from pavane.errors import Fail as RaisedFail
from pavane.errors import StepFailed as RaisedStepFailed
from pavane.language import calls, outside, scopes
from pavane.language.bindings import Bindings, Unassigned, assigned_names, changes
from pavane.language.conditions import mark_leaps
from pavane.language.liveness import Names
from pavane.language.meeting import Arm, Meeting
from pavane.language.names import identifier
from pavane.language.refusals import ONLY_STEP_FAILED
from pavane.language.source import MISSING
from pavane.language.values import PATH_IN_TEXT, POISON, Value, path

if TYPE_CHECKING:
    from pavane.language.writer import Writer


class StepFailed(msgspec.Struct):
    """What `e` is in `except StepFailed as e`: `step` names the task, `reason` is what it said."""

    step: str
    reason: str


class Fail(msgspec.Struct):
    """What `e` is in `except Fail as e`."""

    reason: str


_WENT_WRONG = "COMPLETED_WITH_ERRORS"


@dataclass(frozen=True, slots=True)
class _Handler:
    """An `except`: which kinds of failure it catches, and what they are called in it."""

    node: ast.ExceptHandler
    kinds: tuple[str, ...]


def write_try(writer: Writer, node: ast.Try, live: Names) -> bool:
    """Write a `try`; whether Python goes on behind it."""
    handlers = _handlers(writer, node)
    if node.finalbody:
        writer.refuse(
            node.finalbody[0],
            "`finally` is not part of the workflow language",
            "Write it behind the `try`; what was done in the body is undone without it.",
        )
    if handlers is None:
        for name in assigned_names([node]):
            writer.bindings.set(name, POISON)
        return True
    first = _first_step(writer, node.body)
    ref = writer.work.names.new(f"try_{first}")
    before = writer.bindings.fork()
    options = scopes.Options(ref, None, "", optional=True)
    inside = writer.liveness.before(node.orelse, live)
    with writer.aside() as scope:
        goes_on = scopes.enclose(writer, node, options, inside)
    if not scope:  # nothing in it can fail
        return goes_on and writer.block(node.orelse, live)
    writer.work.uses.add("caught")
    writer.steps.extend(scope)
    changed = [name for _, name in changes(before, writer.bindings)]
    lost = [*changed, *assigned_names(node.body)]
    switch = writer.work.names.new(f"if_{first}_failed")
    arms = [_success(writer, node, live) if goes_on else Arm(None, [], None, node)]
    after = writer.bindings
    arms += [_caught(writer, before, each, ref, lost, live) for each in handlers]
    missed = _missed(scope[-1], handlers)
    if missed:
        arms.append(_raised_again(writer, node, ref))
    writer.bindings = after
    Meeting(writer, switch, after, arms).settle(live)
    kinds = len(arms) > 2
    for arm, each in zip(arms[1:], [*handlers, None], strict=False):
        arm.key = (each.kinds[0] if each is not None else "fail") if kinds else _WENT_WRONG
    mark_leaps(switch, arms)
    if any(arm.steps or arm.leaps or arm.bindings is None for arm in arms):
        _switch(writer, node, switch, ref, arms, by_kind=kinds)
    return any(arm.bindings is not None for arm in arms)


def _handlers(writer: Writer, node: ast.Try) -> list[_Handler] | None:
    """The `except`s; None after a finding."""
    found: list[_Handler] = []
    caught: set[str] = set()
    fine = True
    for each in node.handlers:
        kinds = _kinds_of(writer, each.type)
        if kinds is None:
            place = each.type or each
            writer.refuse(
                place, ONLY_STEP_FAILED, "Let a task turn other errors into a result or a Fail."
            )
            fine = False
        elif not kinds - caught:
            writer.refuse(
                each.type or each,
                "the `except` before it catches this already",
                "Catch StepFailed first, then Fail.",
            )
            fine = False
        else:
            found.append(_Handler(each, tuple(sorted(kinds - caught, reverse=True))))
            caught |= kinds
    return found if fine else None


def _kinds_of(writer: Writer, kind: ast.expr | None) -> set[str] | None:
    """Which failures an `except` catches: of steps, and those that the workflow raised."""
    if isinstance(kind, ast.Tuple):
        found = [_kinds_of(writer, each) for each in kind.elts]
        known = [each for each in found if each is not None]
        return set[str]().union(*known) if known and len(known) == len(found) else None
    thing = MISSING if kind is None else outside.static(writer.reader, kind)
    if thing is RaisedFail:
        return {"step", "fail"}
    return {"step"} if thing is RaisedStepFailed else None


def _first_step(writer: Writer, body: Sequence[ast.stmt]) -> str:
    """The name of the first task that is called in a block, as it stands there."""
    for statement in body:
        for each in ast.walk(statement):
            if not isinstance(each, ast.Await) or not isinstance(each.value, ast.Call):
                continue
            func = calls.without_options(each.value.func)
            thing = outside.static(writer.reader, func)
            name = getattr(thing, "name", None)
            shown = name if isinstance(name, str) and name else ast.unparse(func)
            return identifier(shown.rpartition(".")[2])
    return "steps"


def _missed(step: Step, handlers: Sequence[_Handler]) -> bool:
    """Whether the body raises a Fail of its own that no handler catches."""
    if any("fail" in each.kinds for each in handlers):
        return False
    param = step.sub_workflow_param
    assert param is not None and param.workflow_definition is not None
    pending = list(param.workflow_definition.tasks)
    while pending:
        each = pending.pop()
        status = each.input_parameters.get("terminationStatus")
        if each.type == "TERMINATE" and status == "FAILED":
            return True
        pending += [inner for steps in each.inner for inner in steps]
    return False


def _success(writer: Writer, node: ast.Try, live: Names) -> Arm:
    outer = writer.bindings
    writer.bindings = outer.fork()
    writer.nested += 1
    known = len(writer.round.leaps) if writer.round is not None else 0
    with writer.aside() as steps:
        goes_on = writer.block(node.orelse, live)
    writer.nested -= 1
    after, writer.bindings = writer.bindings, outer
    leaps = writer.round.leaps[known:] if writer.round is not None else []
    return Arm(None, steps, after if goes_on else None, node, leaps)


def _caught(
    writer: Writer,
    before: Bindings,
    handler: _Handler,
    ref: str,
    lost: Sequence[str],
    live: Names,
) -> Arm:
    """One `except`: it sees what was known in front of the body."""
    node = handler.node
    writer.bindings = before.fork()
    for name in lost:
        writer.bindings.set(name, Unassigned(undone=True))
    if node.name:
        kind = StepFailed if handler.kinds == ("step",) else Fail
        writer.bindings.set(node.name, path(ref, "output", "failure", tp=kind))
    outer, writer.caught = writer.caught, _told(ref, handler.kinds)
    known = len(writer.round.leaps) if writer.round is not None else 0
    writer.nested += 1
    with writer.aside() as steps:
        goes_on = writer.block(node.body, live)
    writer.nested -= 1
    writer.caught = outer
    if node.name:
        writer.bindings.set(node.name, Unassigned())
    leaps = writer.round.leaps[known:] if writer.round is not None else []
    return Arm(None, steps, writer.bindings if goes_on else None, node, leaps)


def _told(ref: str, kinds: tuple[str, ...]) -> Value:
    """What a bare `raise` says: the name of the step that failed, if one did, and the reason."""
    reason = path(ref, "output", "failure", "reason", tp=str)
    if "step" not in kinds:
        return reason
    step = path(ref, "output", "failure", "step", tp=str)
    pieces: list[ast.expr] = []
    for each in (step, reason):
        shown = ast.FormattedValue(each.expr, -1, None)
        setattr(shown, PATH_IN_TEXT, True)
        pieces.append(shown)
    named = ast.JoinedStr([pieces[0], ast.Constant(": "), pieces[1]])
    if kinds == ("step",):
        return Value(named, type=str, native=True)
    return Value(ast.IfExp(step.expr, named, reason.expr), type=str, native=True)


def _raised_again(writer: Writer, node: ast.Try, ref: str) -> Arm:
    """A Fail that no handler is for goes on through the `try`."""
    name = writer.work.names.new("fail")
    reason = writer.template(node, path(ref, "output", "failure", "reason"))
    inputs = {"terminationStatus": "FAILED", "terminationReason": reason}
    step = Step(name=name, task_reference_name=name, type="TERMINATE", input_parameters=inputs)
    with writer.aside() as steps:
        writer.emit(node, step)
    return Arm(None, steps, None, node)


def _switch(
    writer: Writer, node: ast.Try, name: str, ref: str, arms: list[Arm], *, by_kind: bool
) -> None:
    case = path(ref, "output", "failure", "kind") if by_kind else path(ref, "status")
    writer.emit(
        node,
        Step(
            name=name,
            task_reference_name=name,
            type="SWITCH",
            evaluator_type="value-param",
            expression="case",
            input_parameters={"case": writer.template(node, Value(case.expr))},
            decision_cases={arm.key: arm.steps for arm in arms if arm.key is not None},
            default_case=arms[0].steps,
        ),
    )
