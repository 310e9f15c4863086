"""`if`/`elif`/`else` as SWITCH, and what variables mean where the paths meet again."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pavane.core.model.workflow import Step
from pavane.errors import ExpressionError
from pavane.language.bindings import Bindings
from pavane.language.contract import without_none
from pavane.language.kinds import conversion, is_enum, is_known, is_plain_enum, literal_base
from pavane.language.liveness import Names
from pavane.language.meeting import Arm, Meeting
from pavane.language.names import described
from pavane.language.operands import truth
from pavane.language.values import Value, folded, members_of, same

if TYPE_CHECKING:
    from pavane.language.writer import Writer


@dataclass(frozen=True, slots=True)
class Decision:
    """A test as a SWITCH sees it: the value that chooses, and the case in which it holds."""

    case: Value
    key: str = "true"
    negated: bool = False
    equal: bool = False  # a path compared with a literal: `elif`s can join it
    described: str = ""

    @property
    def fixed(self) -> bool | None:
        """The outcome, if it is known already."""
        if self.case.poison or not isinstance(self.case.expr, ast.Constant) or self.equal:
            return None
        return bool(self.case.expr.value) is not self.negated


def write_if(writer: Writer, node: ast.If, live: Names, decided: Decision | None = None) -> bool:
    """Write an `if` with all that hangs on it; whether Python goes on after it."""
    decision = decided or decide(writer, node.test)
    if decision.fixed is not None:
        return writer.block(node.body if decision.fixed else node.orelse, live)
    ref = writer.work.names.new(f"if_{decision.described}")
    writer.nested += 1
    cases, rest, pending = _chain(writer, node, decision)
    before = writer.bindings
    arms = [_arm(writer, before, Way(key, body, node), live) for key, body in cases]
    arms.append(_arm(writer, before, Way(None, rest, node, pending), live))
    if decision.negated:
        arms[0].key, arms[-1].key = None, decision.key
    writer.nested -= 1
    writer.bindings = before
    Meeting(writer, ref, before, arms).settle(live)
    mark_leaps(ref, arms)
    if any(arm.steps or arm.leaps for arm in arms):
        writer.emit(node, _switch(writer, node.test, ref, decision, arms))
    return any(arm.bindings is not None for arm in arms)


def _chain(
    writer: Writer, node: ast.If, decision: Decision
) -> tuple[list[tuple[str, Sequence[ast.stmt]]], Sequence[ast.stmt], Decision | None]:
    """The cases that join in one SWITCH, the rest, and the decision of the rest if it is read."""
    cases: list[tuple[str, Sequence[ast.stmt]]] = [(decision.key, node.body)]
    rest: Sequence[ast.stmt] = node.orelse
    while decision.equal and not decision.negated and len(rest) == 1:
        following = rest[0]
        if not isinstance(following, ast.If) or _awaits(following.test):
            break
        next_one = decide(writer, following.test)
        keys = {key for key, _ in cases}
        joins = next_one.equal and not next_one.negated and next_one.key not in keys
        if not joins or not same(next_one.case, decision.case):
            return cases, rest, next_one
        cases.append((next_one.key, following.body))
        rest = following.orelse
    return cases, rest, None


def _awaits(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Await) for each in ast.walk(node))


@dataclass(frozen=True, slots=True)
class Way:
    """One way through an `if`, not yet written; `pending` is the decision of an `elif`, if read."""

    key: str | None
    body: Sequence[ast.stmt]
    node: ast.If
    pending: Decision | None = None


def _arm(writer: Writer, before: Bindings, way: Way, live: Names) -> Arm:
    writer.bindings = before.fork()
    first = way.body[0] if way.body else way.node
    leaps = writer.round.leaps if writer.round is not None else []
    known = len(leaps)
    with writer.aside() as steps:
        if way.pending is not None and isinstance(first, ast.If):
            goes_on = write_if(writer, first, live, way.pending)
        else:
            goes_on = writer.block(way.body, live)
    return Arm(way.key, steps, writer.bindings if goes_on else None, first, leaps[known:])


def mark_leaps(ref: str, arms: list[Arm]) -> None:
    """Note which choice led to each `break` and `continue`."""
    for arm in arms:
        for leap in arm.leaps:
            if not leap.ref:  # else one nested in it did
                leap.ref, leap.case = ref, arm.key
                leap.others = tuple(each.key for each in arms if each.key is not None)


def guard(writer: Writer, test: ast.expr, ref: str, decision: Decision, steps: list[Step]) -> Step:
    """A SWITCH that carries out some steps only if a test holds."""
    ways = [Arm(decision.key, steps, None, test), Arm(None, [], None, test)]
    if decision.negated:
        ways[0].key, ways[1].key = None, decision.key
    return _switch(writer, test, ref, decision, ways)


def _switch(writer: Writer, test: ast.expr, ref: str, decision: Decision, arms: list[Arm]) -> Step:
    default = next((arm.steps for arm in arms if arm.key is None), list[Step]())
    return Step(
        name=ref,
        task_reference_name=ref,
        type="SWITCH",
        evaluator_type="value-param",
        expression="case",
        input_parameters={"case": writer.template(test, decision.case)},
        decision_cases={arm.key: arm.steps for arm in arms if arm.key is not None},
        default_case=default,
    )


# the test


def decide(writer: Writer, test: ast.expr) -> Decision:
    """How a SWITCH decides a test."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _negated(decide(writer, test.operand))
    value = writer.reader.read(test)
    if value.poison:
        return Decision(value, described="test")
    if _is_flag(value):
        return Decision(value, described=described(value.expr))
    found = _equality(value)
    if found is not None:
        return found
    tested = Value(truth(writer.site, test, value), type=bool, native=True)
    return Decision(known(tested), described=described(tested.expr))


def known(tested: Value) -> Value:
    """The outcome of a test over constants; what fails is reported where it is written."""
    try:
        return folded(tested)
    except (ExpressionError, ValueError):
        return tested


def _negated(inner: Decision) -> Decision:
    name = f"not_{inner.described}"
    if inner.case.poison or members_of(inner.case.expr) is not None or inner.negated:
        return replace(inner, negated=not inner.negated, described=name)
    if isinstance(inner.case.expr, ast.Constant):
        return replace(inner, negated=not inner.negated)
    tested = ast.UnaryOp(ast.Not(), inner.case.expr)
    return Decision(Value(tested, type=bool, native=True), described=name)


def _is_flag(value: Value) -> bool:
    """Whether a path is a bool whose text decides; a missing one counts as false."""
    if members_of(value.expr) is None or without_none(value.type)[0] is not bool:
        return False
    return not _default_is(value, "True")


def _equality(value: Value) -> Decision | None:
    """`path == literal` and `path != literal`, where the text of the value decides."""
    if value.sides is None or not isinstance(value.sides[1], (ast.Eq, ast.NotEq)):
        return None
    left, operator, right = value.sides
    for subject, literal in ((left, right), (right, left)):
        key = _case_key(subject, literal)
        if key is not None:
            return Decision(
                replace(subject, guarded=None),
                key,
                negated=isinstance(operator, ast.NotEq),
                equal=True,
                described=described(ast.Compare(subject.expr, [operator], [literal.expr])),
            )
    return None


_LOOKS_ALIKE = frozenset({"null", "true", "false"})


def _case_key(subject: Value, literal: Value) -> str | None:
    """The case of a SWITCH that means equality with a literal; None where texts would mislead."""
    if members_of(subject.expr) is None or not isinstance(literal.expr, ast.Constant):
        return None
    wanted = literal.expr.value
    if wanted is None or conversion(subject.type) or conversion(literal.type):
        return None
    if _default_is(subject, repr(wanted)):
        return None
    base, maybe_none = without_none(subject.type)
    base = literal_base(base)
    if isinstance(wanted, str):
        if is_enum(base) or base is str:
            return None if maybe_none and wanted == "null" else wanted
        if is_known(base) or wanted in _LOOKS_ALIKE or _is_number(wanted):
            return None
        return wanted
    if type(wanted) is int and (base is int or (is_enum(base) and not is_plain_enum(base))):
        return str(wanted)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _default_is(value: Value, wanted: str) -> bool:
    """Whether a field that was left out on the wire stands for this constant."""
    if not isinstance(value.guarded, ast.Call):
        return False
    default = value.guarded.args[1]
    return isinstance(default, ast.Constant) and repr(default.value) == wanted
