"""What may stand behind `await`: tasks, workflows, local functions, and words of the language."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pavane.core.model.workflow import Step
from pavane.language import calls, events, faithful, fans, people, races, steps
from pavane.language.arguments import read_arguments
from pavane.language.bindings import (
    Level,
    LocalFunction,
    changes,
    defaults_of,
    foreign_names,
    own_names,
)
from pavane.language.liveness import EMPTY
from pavane.language.offers import is_task, is_workflow, word_of
from pavane.language.source import MISSING
from pavane.language.values import NOTHING, POISON, Value, sequence

if TYPE_CHECKING:
    from pavane.language.writer import Writer

Ready = Callable[[], Value]
"""A call whose arguments are read: calling it writes the steps and gives the result."""

_ENDS_ALIKE = frozenset(
    {"SIMPLE", "SUB_WORKFLOW", "WAIT", "HUMAN", "EVENT", "JOIN", "NOOP", "TERMINATE"}
)


def await_value(writer: Writer, node: ast.Await) -> Value:
    """The value of `await …`."""
    ready = prepare(writer, node.value)
    return POISON if ready is None else ready()


def prepare(writer: Writer, node: ast.expr) -> Ready | None:
    """Read the arguments of a call that is awaited or gathered; None after a finding."""
    if not isinstance(node, ast.Call):
        writer.refuse(
            node,
            f"`{ast.unparse(node)}` cannot be awaited; only the call of a step can",
            "Write `await task(…)`, with the call itself behind `await`.",
        )
        return None
    func = calls.without_options(node.func)
    local = writer.reader.local_function(func)
    if local is not None and func is not node.func:
        writer.refuse(
            node.func,
            f"{local.node.name} is a local `async def`, which has no options",
            "Give them to the steps in it.",
        )
        return None
    if local is not None:
        return _local(writer, node, local)
    thing = steps.target(writer, node.func)
    if thing is MISSING:
        return _unknown(writer, node)
    if is_task(thing) or is_workflow(thing):
        if not steps.is_sound(writer, node, thing):
            return None
        inputs = steps.bind(writer, node, thing.name, thing.signature)
        if inputs is None:
            return None
        write: Any = steps.task_step if is_task(thing) else steps.workflow_step
        return lambda: write(writer, node, thing, inputs)
    return _word(writer, node, thing, word_of(thing))


def _word(writer: Writer, node: ast.Call, thing: Any, word: str) -> Ready | None:
    if word in ("sleep", "until"):
        inputs = steps.wait_inputs(writer, node, word)
        return None if inputs is None else lambda: steps.wait_step(writer, node, word, inputs)
    if word == "gather":
        return _gather(writer, node)
    if word == "race":
        return races.racing(writer, node, prepare)
    if word in ("publish", "wait_for"):
        return (events.publishing if word == "publish" else events.waiting)(writer, node)
    if word in faithful.WORDS:
        return faithful.preparing(writer, node, word, prepare)
    if word == "person":
        return people.asking(writer, node)
    if word == "scope":
        writer.refuse(node, "a scope is not awaited", 'Write `async with scope("name"):`.')
    elif getattr(thing, "__module__", "").partition(".")[0] == "asyncio":
        name = ast.unparse(node.func)
        short = name.rpartition(".")[2]
        ours = short in ("gather", "sleep")
        other = f"Use `{short}` of pavane." if ours else "Only steps can be awaited."
        writer.refuse(node, f"{name}() cannot be awaited in a workflow", other)
    else:
        return _unknown(writer, node)
    return None


def _unknown(writer: Writer, node: ast.Call) -> None:
    value = writer.reader.read(node)
    if not value.poison:
        writer.refuse(node, f"{ast.unparse(node)} is data, not a step: leave out `await`")


# local functions


def _local(writer: Writer, node: ast.Call, local: LocalFunction) -> Ready | None:
    """Bind the arguments of a local `async def`; its body is read when it runs."""
    given = read_arguments(writer.reader, node)
    if given is None:
        return None
    signature = _signature(writer, local.node)
    try:
        bound = signature.bind(*given[0], **given[1])
    except TypeError as error:
        names = ", ".join(signature.parameters)
        writer.refuse(
            node, f"{local.node.name}(): {error}", f"It takes {local.node.name}({names})."
        )
        return None
    values: dict[str, Value] = {**local.defaults, **bound.arguments}
    return lambda: _body(writer, node, local, values)


def _signature(writer: Writer, node: ast.AsyncFunctionDef) -> inspect.Signature:
    """The signature of a function in the source."""
    spec = node.args
    for each in (spec.vararg, spec.kwarg):
        if each is not None:
            writer.refuse(
                each, "a local `async def` takes named parameters only", "Name each parameter."
            )
    kind, defaults = inspect.Parameter, defaults_of(node)
    plain = [(each, kind.POSITIONAL_ONLY) for each in spec.posonlyargs]
    plain += [(each, kind.POSITIONAL_OR_KEYWORD) for each in spec.args]
    plain += [(each, kind.KEYWORD_ONLY) for each in spec.kwonlyargs]
    return inspect.Signature(
        [kind(each.arg, how, default=defaults.get(each.arg, kind.empty)) for each, how in plain]
    )


def _body(writer: Writer, call: ast.Call, local: LocalFunction, values: dict[str, Value]) -> Value:
    node = local.node
    if node in writer.active:
        return writer.refuse(
            call,
            f"{node.name} calls itself; only a whole workflow may",
            "Make it a @workflow of its own.",
        )
    outer = writer.bindings, writer.place, writer.nested, writer.active, writer.round
    writer.bindings = writer.bindings.inside(local.depth, Level(own_names(node), dict(values)))
    writer.place, writer.nested, writer.active = "branch", 0, (*writer.active, node)
    writer.round = None
    try:
        last = node.body[-1]
        body = node.body[:-1] if isinstance(last, ast.Return) else node.body
        ends = last.value if isinstance(last, ast.Return) else None
        live = EMPTY if ends is None else writer.liveness.reads(ends)
        if not writer.block(body, live | foreign_names(node)) or ends is None:
            return NOTHING
        return writer.reader.read(ends)
    finally:
        writer.bindings, writer.place, writer.nested, writer.active, writer.round = outer


# gather


def _gather(writer: Writer, node: ast.Call) -> Ready | None:
    for each in node.keywords:
        writer.refuse(each.value, f"gather() takes no '{each.arg}' in a workflow", "Leave it out.")
    if any(isinstance(each, ast.Starred) for each in node.args):
        return fans.fan(writer, node)
    branches: list[tuple[ast.expr, Ready | None]] = []
    for each in node.args:
        branches.append((each, prepare(writer, each)))
    if not branches:
        writer.refuse(node, "gather() needs at least one call", "Give it the calls of steps.")
        return None
    return lambda: _fork(writer, node, branches)


def _fork(writer: Writer, node: ast.Call, branches: list[tuple[ast.expr, Ready | None]]) -> Value:
    fork, join = writer.work.names.pair("fork", "join")
    before = writer.bindings
    values: list[Value] = []
    written: list[list[Step]] = []
    assigned: dict[str, ast.expr] = {}
    after: list[tuple[int, str, Any]] = []
    for place, ready in branches:
        writer.bindings = before.fork()
        with writer.aside() as branch:
            values.append(POISON if ready is None else ready())
            if branch and branch[-1].type not in _ENDS_ALIKE:
                end = writer.work.names.new(f"{join}_end")
                writer.emit(place, Step(name=end, task_reference_name=end, type="NOOP"))
        for level, name in changes(before, writer.bindings):
            if name in assigned:
                writer.refuse(
                    place,
                    f"'{name}' is assigned in two branches that run side by side; return it from"
                    " the branches instead",
                )
            assigned[name] = place
            after.append((level, name, writer.bindings.levels[level].entries[name]))
        if branch:
            written.append(branch)
    writer.bindings = before
    for level, name, entry in after:
        before.levels[level].entries[name] = entry
    if written:
        writer.emit(
            node,
            Step(name=fork, task_reference_name=fork, type="FORK_JOIN", fork_tasks=written),
        )
        ends = [branch[-1].ref for branch in written]
        writer.emit(node, Step(name=join, task_reference_name=join, type="JOIN", join_on=ends))
    return sequence(tuple(values), tuple)
