"""`gather(*(task(x) for x in xs))`: as many branches as the data says, as a FORK_JOIN_DYNAMIC."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs

from pavane.core.model.workflow import Step
from pavane.language import comprehensions, outside, steps
from pavane.language.contract import RESULT, is_none, is_object
from pavane.language.offers import is_task, is_workflow, word_of
from pavane.language.source import MISSING
from pavane.language.values import Value, has_default, path

if TYPE_CHECKING:
    from pavane.language.writer import Writer

_SHAPE = "Write `await gather(*(task(x) for x in xs))`."


def fan(writer: Writer, node: ast.Call) -> Callable[[], Value] | None:
    """Read a gather over data; None after a finding."""
    over = _over(writer, node)
    if over is None or not isinstance(over.elt, ast.Call):
        return None
    each, offer = over.elt, _offer(writer, over.elt)
    if offer is None or not steps.is_sound(writer, each, offer):
        return None
    names: list[str] = []

    def begun_with() -> ast.expr | None:
        """What one branch begins with, as an object."""
        values = steps.bound(writer, each, offer.name, offer.signature)
        if values is None:
            return None
        names.extend(values)
        return ast.Dict([ast.Constant(name) for name in values], [*map(_wire, values.values())])

    listed = comprehensions.for_each(writer.reader, over, begun_with)
    if listed is None:
        return None
    items = writer.template(over, Value(listed, type=list[Any], native=True))
    return lambda: _write(writer, node, offer, items, frozenset(names))


def _over(writer: Writer, node: ast.Call) -> ast.GeneratorExp | ast.ListComp | None:
    """The loop over data that is all that the call is given."""
    starred = node.args[0]
    if len(node.args) > 1 or not isinstance(starred, ast.Starred):
        writer.refuse(
            node,
            "`*(…)` must be all that gather() is given",
            "Put the other calls into a gather of their own, beside this one: "
            "`await gather(gather(*(…)), other())`.",
        )
        return None
    over = starred.value
    if not isinstance(over, (ast.GeneratorExp, ast.ListComp)):
        writer.refuse(over, "gather(*…) must hold the calls themselves", _SHAPE)
        return None
    if isinstance(over.elt, ast.Await):
        writer.refuse(
            over.elt,
            "with `await` inside, the steps would not run side by side",
            "Leave out this `await`: gather waits for all of them.",
        )
        return None
    if not isinstance(over.elt, ast.Call):
        writer.refuse(over.elt, f"`{ast.unparse(over.elt)}` is not the call of a step", _SHAPE)
        return None
    return over


def _offer(writer: Writer, each: ast.Call) -> Any:
    """The task or workflow that is called for each item; None after a finding."""
    local = writer.reader.local_function(each.func)
    shown = ast.unparse(each.func)
    thing = MISSING if local is not None else steps.target(writer, each.func)
    if is_task(thing) or is_workflow(thing):
        offer: Any = thing
        if not (offer.options.pivot or getattr(offer, "pivot", False)):
            return offer
        writer.refuse(
            each,
            f"{shown} is a pivot, which cannot run side by side with others like it",
            "Call it once, behind the gather.",
        )
        return None
    if local is not None:
        what = f"{shown} is a local function, and how often it runs is known at run time only"
        writer.refuse(each, what, "Make it a @workflow of its own, and call that for each item.")
    elif word_of(thing):
        writer.refuse(
            each,
            f"`{shown}` cannot be called for each item",
            "Only tasks and workflows can; make a @workflow of what is to be done for each.",
        )
    elif thing is MISSING:
        value = writer.reader.read(each)
        if not value.poison:
            writer.refuse(each, f"`{ast.unparse(each)}` is data, not a step", _SHAPE)
    else:
        what = outside.described(thing)
        writer.refuse(each, f"{shown} is {what}, not a step", "Make it a task of a service.")
    return None


def _wire(value: Value) -> ast.expr:
    """The expression of what travels."""
    if value.guarded is not None and has_default(value):
        return value.guarded
    return value.expr


def _write(writer: Writer, node: ast.Call, offer: Any, items: Any, given: frozenset[str]) -> Value:
    """Emit the fork and its JOIN; gives the list of results in the order of the items."""
    fork = steps.reference(writer, node, offer.options, f"each_{offer.name}")
    join = writer.work.names.new(f"{fork}_join")
    inputs: dict[str, Any] = {"forkTaskName": offer.name}
    if is_task(offer):
        step = steps.described(writer, node, offer, fork, given)
    else:
        writer.work.use_workflow(offer)
        inputs |= {"forkTaskWorkflow": offer.name, "forkTaskWorkflowVersion": offer.version}
        options = offer.options
        step = Step(
            optional=options.optional,
            retry_count=options.retries,
            start_delay=float(options.start_delay_s) or 0,
        )
    inputs["forkTaskInputs"] = items
    made = {"name": fork, "task_reference_name": fork, "type": "FORK_JOIN_DYNAMIC"}
    writer.emit(node, structs.replace(step, **made, input_parameters=inputs))
    writer.emit(node, Step(name=join, task_reference_name=join, type="JOIN"))
    return _results(fork, join, offer.returns)


def _results(fork: str, join: str, returns: Any) -> Value:
    """What each branch has given; a JOIN leaves out the outputs that are empty."""
    name = ast.Name("item", ast.Load())
    refs = path(fork, "input", "forkedTasks").expr
    loop = ast.comprehension(ast.Name("item", ast.Store()), refs, [], 0)
    outputs = path(join, "output").expr
    one: ast.expr = ast.Call(
        ast.Attribute(outputs, "get", ast.Load()), [name, ast.Dict([], [])], []
    )
    if is_none(returns):
        one = ast.Constant(None)
    elif not is_object(returns):
        one = ast.Call(ast.Attribute(one, "get", ast.Load()), [ast.Constant(RESULT)], [])
    return Value(ast.ListComp(one, [loop]), type=list[returns])
