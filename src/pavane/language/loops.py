"""`while` and `for` as DO_WHILE: its steps, its list, and the condition behind each iteration."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.language import conditions, faithful
from pavane.language.bindings import assigned_names
from pavane.language.carried import Carried, Cycle, Leap, Place, Round
from pavane.language.conditions import Decision
from pavane.language.jumps import Jump, jumps_in, leaves, misplaced, with_rest
from pavane.language.kinds import element, is_mapping, literal_base
from pavane.language.liveness import Names
from pavane.language.names import described
from pavane.language.operands import is_none_test, truth
from pavane.language.refusals import ENDLESS, LAST_WORD
from pavane.language.values import POISON, Value, path, same
from pavane.language.writing import written

if TYPE_CHECKING:
    from pavane.language.writer import Writer

_ROUNDS_MAX = 8  # until the types of what iterations hand on have settled; two are the rule


def write_while(writer: Writer, node: ast.While, live: Names) -> bool:
    """Write a `while`; whether Python goes on behind it."""
    _no_else(writer, node)
    if faithful.word_in(writer, node.test) == "loop":
        return faithful.write_loop(writer, node)
    with writer.reader.skippable():
        first = conditions.decide(writer, node.test)
    if first.case.poison:
        return _given_up(writer, node)
    if first.fixed is False:
        return True
    if first.fixed:
        ref = writer.work.names.new("loop")
        return _write(writer, node, _Loop(ref), live)
    switch = writer.work.names.new(f"if_{first.described}")
    ref = writer.work.names.new(f"while_{first.described}")
    return _write(writer, node, _Loop(ref, switch=switch, first=first), live)


def write_for(writer: Writer, node: ast.For, live: Names) -> bool:
    """Write a `for`; Python always goes on behind it."""
    _no_else(writer, node)
    source = writer.reader.read(node.iter)
    if source.poison:
        return _given_up(writer, node)
    source = _listed(source)
    ref = writer.work.names.new(f"for_{described(source.expr)}")
    item = path(ref, "output", "loopItem", tp=element(source.type))
    items = writer.template(node.iter, source)
    _write(writer, node, _Loop(ref, items=items, item=item), live)
    return True


def _no_else(writer: Writer, node: ast.While | ast.For) -> None:
    if node.orelse:
        writer.refuse(
            node.orelse[0],
            "`else` of a loop is not part of the workflow language",
            "Set a variable before `break`, and ask for it behind the loop.",
        )


def _given_up(writer: Writer, node: ast.While | ast.For) -> bool:
    """What decides on the loop was refused: say no more about what it assigns."""
    for name in assigned_names([node]):
        writer.bindings.set(name, POISON)
    return True


def _listed(source: Value) -> Value:
    """What `for` goes through, as a list: the keys of a dict, the letters of a text."""
    kind = literal_base(source.type)
    if kind is not str and not is_mapping(source.type):
        return source
    raw = source.guarded if source.guarded is not None else source.expr
    item = ast.Name("item", ast.Load())
    each = ast.comprehension(ast.Name("item", ast.Store()), raw, [], 0)
    return Value(ast.ListComp(item, [each]), type=list[element(source.type)], native=True)


@dataclass(frozen=True, slots=True)
class _Loop:
    """What is settled before the body is read."""

    ref: str
    switch: str = ""  # in front of a `while` whose test may be false at the start
    first: Decision | None = None
    items: Any = None
    item: Value | None = None


@dataclass(frozen=True, slots=True)
class _Body:
    """The body as it was read: its steps, its ways out, and what a `while` asks behind it."""

    carried: Carried
    steps: list[Step]
    round: Round
    test: Value | None  # None where it always holds


def _write(writer: Writer, node: ast.While | ast.For, loop: _Loop, live: Names) -> bool:
    head = writer.liveness.head(node, live)
    cycle = Cycle(writer, loop.ref, after=live, head=head)
    wanted = cycle.guess(assigned_names([node]))
    rounds = 0
    while True:
        back = writer.site.keep()
        body = _read(writer, node, loop, cycle, wanted)
        again = cycle.also_wanted(body.carried, body.round)
        rounds += 1
        if again is None or rounds > _ROUNDS_MAX:
            return _finish(writer, node, loop, cycle, body)
        back()
        wanted = again if rounds < _ROUNDS_MAX else cycle.untyped(again)


def _read(
    writer: Writer,
    node: ast.While | ast.For,
    loop: _Loop,
    cycle: Cycle,
    wanted: Mapping[Place, Any],
) -> _Body:
    """Read the body once, with what iterations are thought to hand on."""
    carried, made = cycle.carry(wanted), Round(misplaced(node.body))
    before, outer, nested = writer.bindings, writer.round, writer.nested
    writer.bindings, writer.round, writer.nested = carried.head.fork(), made, nested + 1
    on: list[ast.stmt] = [ast.copy_location(ast.Continue(), node.body[-1])]
    try:
        with writer.aside() as steps, writer.liveness.inside(cycle.after, cycle.head):
            if isinstance(node, ast.For):
                assert loop.item is not None
                writer.bind(node.target, loop.item)
            writer.block([*node.body, *on], cycle.head)
        writer.bindings = carried.head.fork()
        return _Body(carried, steps, made, _test(writer, node))
    finally:
        writer.bindings, writer.round, writer.nested = before, outer, nested


def _test(writer: Writer, node: ast.While | ast.For) -> Value | None:
    """What a `while` asks, as the variables are now; None where that always holds."""
    if isinstance(node, ast.For):
        return None
    with writer.reader.skippable():
        value = writer.reader.read(node.test)
    if value.poison:
        return POISON
    tested = conditions.known(Value(truth(writer.site, node.test, value), type=bool, native=True))
    if isinstance(tested.expr, ast.Constant) and tested.expr.value:
        return None
    return tested


def _finish(
    writer: Writer, node: ast.While | ast.For, loop: _Loop, cycle: Cycle, body: _Body
) -> bool:
    forever = isinstance(node, ast.While) and body.test is None
    if not leaves(node.body) and (forever or _never_changes(writer, node, body)):
        writer.refuse(node, ENDLESS, "Give it a condition that changes, or a `break`.")
        return _given_up(writer, node)
    entering = cycle.begin(node, body.carried)
    results = cycle.settle(body.carried, body.round, forever=forever)
    steps = body.steps
    if not steps and isinstance(node, ast.For):
        return True  # it does nothing, and hands nothing on
    if not steps:
        with writer.aside() as steps:
            writer.nothing_to_do(node)
    writer.steps.extend(entering)
    _emit(writer, node, loop, steps, _condition(writer, node, loop, body))
    for (level, name), entry in results.items():
        writer.bindings.levels[level].entries[name] = entry
    return not forever or any(leap.breaks for leap in body.round.leaps)


def _never_changes(writer: Writer, node: ast.While | ast.For, body: _Body) -> bool:
    """Whether a test asks the same behind every iteration as at the start."""
    if body.test is None or body.test.poison:
        return False
    first = _test(writer, node)
    return first is not None and same(first, body.test)


def _emit(
    writer: Writer, node: ast.While | ast.For, loop: _Loop, steps: list[Step], condition: str
) -> None:
    step = Step(
        name=loop.ref,
        task_reference_name=loop.ref,
        type="DO_WHILE",
        evaluator_type="pavane" if condition else "",
        loop_condition=condition,
        loop_over=steps,
        items=loop.items,
    )
    if condition:
        writer.work.uses.add("computed")
    if loop.first is None:
        writer.emit(node, step)
        return
    with writer.aside() as inner:
        writer.emit(node, step)
    assert isinstance(node, ast.While), "only a `while` has a decision"
    writer.emit(node, conditions.guard(writer, node.test, loop.switch, loop.first, inner))


def _condition(writer: Writer, node: ast.AST, loop: _Loop, body: _Body) -> str:
    """That nobody broke out and the test holds; empty where a list alone decides."""
    test = body.test
    if test is not None and test.poison:
        return ""
    sure = {step.ref for step in body.steps}
    parts = [_stays(leap, sure) for leap in body.round.leaps if leap.breaks]
    shown = [part for part in parts if part is not None]
    if len(shown) < len(parts):
        return "False"
    if test is not None:
        shown.append(test.expr)
    if not shown:
        return "" if loop.items is not None else "True"
    whole = shown[0] if len(shown) == 1 else ast.BoolOp(ast.And(), shown)
    writer.template(node, Value(whole, type=bool, native=True))  # which finds what is too long
    return written(whole)


def _stays(leap: Leap, sure: set[str]) -> ast.expr | None:
    """That the SWITCH in front of a `break` chose another way; None where there is none."""
    if not leap.ref:
        return None
    chosen = path(leap.ref, "output", "selectedCase").expr
    others: list[ast.expr] = [ast.Constant(each) for each in leap.others]
    if leap.case is not None:
        stays = ast.Compare(chosen, [ast.NotEq()], [ast.Constant(leap.case)])
    elif len(others) == 1:
        stays = ast.Compare(chosen, [ast.Eq()], others)
    else:
        stays = ast.Compare(chosen, [ast.In()], [ast.List(others, ast.Load())])
    if leap.ref in sure:
        return stays
    missing = is_none_test(path(leap.ref).expr)  # an iteration may not have come to it
    return ast.BoolOp(ast.Or(), [missing, stays])


# inside a loop


def write_jump(writer: Writer, node: Jump, live: Names) -> bool:
    """`break` and `continue`: note how the variables stand where the iteration ends."""
    made = writer.round
    if made is None or node in made.misplaced:
        writer.refuse(node, LAST_WORD, "Join the conditions with `and`.")
        return True  # so that what follows is read as well
    made.note(node, writer.bindings, writer.steps)
    return False


def moved(writer: Writer, node: ast.stmt, rest: Sequence[ast.stmt]) -> ast.If | None:
    """An `if` that jumps, together with what follows it; None for any other statement."""
    if writer.round is None or not isinstance(node, ast.If) or not rest:
        return None
    jumps = [each for each in jumps_in([node]) if each not in writer.round.misplaced]
    if not jumps:
        return None
    whole = with_rest(node, rest)
    if whole is None:
        writer.refuse(
            jumps[0],
            "`break` or `continue` in an `elif` or `else`: what follows this `if` would be needed"
            " behind several of its ways",
            "Put the `if` with the `break` first, or join the conditions with `and`.",
        )
    return whole
