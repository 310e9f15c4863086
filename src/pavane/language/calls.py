"""Calls inside data expressions: what the evaluator knows, what is read in, what is refused."""

from __future__ import annotations

import ast
import inspect
import types
from decimal import Decimal
from enum import EnumMeta
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pavane.core.expressions.functions import FUNCTIONS
from pavane.language import inlining, methods, outside, records
from pavane.language.arguments import read_arguments
from pavane.language.contract import is_object
from pavane.language.kinds import CONVERSIONS, element, is_sequence, joined, literal_base
from pavane.language.offers import is_task, is_workflow, word_of
from pavane.language.operands import call as evaluator_call
from pavane.language.operands import native
from pavane.language.source import MISSING
from pavane.language.texts import for_text, has_text
from pavane.language.values import POISON, Value, constant

if TYPE_CHECKING:
    from pavane.language.expressions import Reader

_BUILTINS: dict[Any, str] = {
    each: each.__name__
    for each in (
        *(len, any, all, min, max, sum, sorted, round, abs, str, int, float, bool),
        *(range, zip, enumerate),
    )
}


def call(reader: Reader, node: ast.Call) -> Value:
    """A call that is not awaited."""
    shown = ast.unparse(node.func)
    thing = outside.static(reader, without_options(node.func))
    if reader.local_function(node.func) or is_step(thing):
        return reader.refuse(node, f"{shown} is a step: write `await {ast.unparse(node)}`")
    if thing is MISSING:
        return _unknown(reader, node)
    if isinstance(thing, types.FunctionType) and _is_helper(thing):
        return _helper(reader, node, thing, [])
    if thing is list or thing is tuple:
        return _listed(reader, node)
    if _hashable(thing) and (thing in _BUILTINS or thing in CONVERSIONS):
        return _built_in(reader, node, thing)
    if isinstance(thing, EnumMeta):
        return reader.refuse(
            node,
            f"{shown}(…) checks its argument, which a workflow cannot",
            f"Give the parameter or field the type {shown}.",
        )
    if isinstance(thing, type) and is_object(thing):
        return records.construct(reader, node, thing)
    return refused(reader, node, thing)


def _is_helper(function: types.FunctionType) -> bool:
    return not inspect.iscoroutinefunction(function) and not inlining.is_foreign(function)


def _hashable(thing: Any) -> bool:
    return thing.__hash__ is not None if not isinstance(thing, type) else True


def is_step(thing: Any) -> bool:
    """Whether an object is called with `await` in a workflow."""
    return thing is not MISSING and (is_task(thing) or is_workflow(thing) or bool(word_of(thing)))


def without_options(func: ast.expr) -> ast.expr:
    """`t` of `t.with_options(…)`, any other function as it is."""
    if (
        isinstance(func, ast.Call)
        and isinstance(func.func, ast.Attribute)
        and func.func.attr == "with_options"
    ):
        return func.func.value
    return func


def _unknown(reader: Reader, node: ast.Call) -> Value:
    if isinstance(node.func, ast.Attribute):
        base_thing = outside.static(reader, node.func.value)
        if base_thing is MISSING or outside.is_constant(base_thing):
            return methods.method(reader, node, node.func)
        if not isinstance(base_thing, (types.ModuleType, type)):
            return refused(reader, node, base_thing)
        return reader.refuse(
            node.func,
            f"'{ast.unparse(node.func.value)}' has no '{node.func.attr}'",
            "Correct the name.",
        )
    if isinstance(node.func, ast.Name):
        if reader.is_own(node.func.id):
            value = reader.read(node.func)
            if value.poison:
                return POISON
            return reader.refuse(
                node, f"'{node.func.id}' is data and cannot be called", "Leave out the brackets."
            )
        return outside.name(reader, node.func)
    return refused(reader, node, None)


def refused(reader: Reader, node: ast.Call, thing: Any) -> Value:
    """The refusal of any other call."""
    shown = ast.unparse(node.func)
    is_function = isinstance(thing, types.FunctionType) and inspect.iscoroutinefunction(thing)
    if is_function and not inlining.is_foreign(thing):
        return reader.refuse(
            node,
            f"{shown} is an `async def` outside the workflow, which is not read",
            "Make it a task of a service or a @workflow, or define it inside the workflow.",
        )
    remedy = "A step that needs it can ask for it as an argument or a result."
    return reader.refuse(
        node, f"{shown}() cannot be evaluated inside a workflow; make it a task", remedy
    )


def _helper(
    reader: Reader, node: ast.Call, function: types.FunctionType, first: list[Value]
) -> Value:
    given = read_arguments(reader, node)
    if given is None:
        return POISON
    return inlining.inline(reader, node, function, [*first, *given[0]], given[1])


def _listed(reader: Reader, node: ast.Call) -> Value:
    """`list(x)` and `tuple(x)`."""
    if len(node.args) != 1 or node.keywords:
        return reader.refuse(node, "list() takes one argument here", "Write a list display.")
    value = reader.read(node.args[0])
    if value.poison:
        return POISON
    item = ast.Name("item", ast.Load())
    loop = ast.comprehension(ast.Name("item", ast.Store()), native(reader.site, node, value), [], 0)
    return Value(ast.ListComp(item, [loop]), type=list[element(value.type)], native=True)


def _built_in(reader: Reader, node: ast.Call, thing: Any) -> Value:
    name = CONVERSIONS.get(thing) or _BUILTINS[thing]
    if not _has_keywords(reader, node, name):
        return POISON
    given = read_arguments(reader, node)
    if given is None:
        return POISON
    values, named = given
    if not _sensible(reader, node, thing, values):
        return POISON
    fixed = _fixed(thing, values) if thing in CONVERSIONS and not named else None
    if fixed is not None:
        return fixed
    written = [
        value.expr
        if value.guarded is None and _reads_it_anyway(thing, value)
        else native(reader.site, each, value)
        for each, value in zip(node.args, values, strict=True)
    ]
    if thing is str and values:
        written = [for_text(reader, node.args[0], values[0])]
    made = evaluator_call(name, *written)
    made.keywords = [
        ast.keyword(key, native(reader.site, node, value)) for key, value in named.items()
    ]
    return Value(made, type=_result(thing, values, named), native=True)


def _reads_it_anyway(thing: Any, value: Value) -> bool:
    """Whether a value is converted by the call itself: `Decimal(x)` where x is one, or a text."""
    kinds = get_args(value.type) if get_origin(value.type) is Union else (value.type,)
    known = thing in CONVERSIONS and all(each in (thing, str) for each in kinds)
    return known and thing in kinds and not value.native


def _fixed(thing: Any, values: list[Value]) -> Value | None:
    """`Decimal("0.1")`, `date(2030, 1, 31)`: a constant where all arguments are constants."""
    arguments: list[Any] = []
    for value in values:
        if not isinstance(value.expr, ast.Constant) or not value.native:
            return None
        arguments.append(value.expr.value)
    try:
        return constant(thing(*arguments))
    except (TypeError, ValueError, ArithmeticError):
        return None  # the evaluator says what is wrong with it


def _has_keywords(reader: Reader, node: ast.Call, name: str) -> bool:
    """Whether the evaluator's function knows the keywords of a call."""
    for each in node.keywords:
        if each.arg is not None and each.arg not in FUNCTIONS[name].keywords:
            reader.refuse(
                node,
                f"{ast.unparse(node.func)}() takes no '{each.arg}' in a workflow",
                "Leave it out, or do it in a task.",
            )
            return False
    return True


def _sensible(reader: Reader, node: ast.Call, thing: Any, values: list[Value]) -> bool:
    function = FUNCTIONS[CONVERSIONS.get(thing) or _BUILTINS[thing]]
    if not function.least <= len(values) <= function.most:
        most = "" if function.most == function.least else f" to {function.most}"
        reader.refuse(
            node,
            f"{ast.unparse(node.func)}() cannot take {len(values)} arguments in a workflow",
            f"Give it {function.least}{most}.",
        )
        return False
    if thing is Decimal and values and literal_base(values[0].type) is float:
        reader.refuse(
            node,
            "a Decimal of a float depends on how the float is stored",
            'Write Decimal("0.1"), or use Decimal in the type.',
        )
        return False
    if thing is str and values:
        return has_text(reader, node.args[0], values[0])
    return True


def _result(thing: Any, values: list[Value], named: dict[str, Value]) -> Any:
    if thing in CONVERSIONS or thing in (str, int, float, bool):
        return thing
    first = values[0].type if values else Any
    if thing is len:
        return int
    if thing in (any, all):
        return bool
    if thing is range:
        return list[int]
    if thing is sorted:
        return list[element(first)]
    if thing is enumerate:
        return list[tuple[int, element(first)]]
    if thing is zip:
        return list[tuple[tuple(element(value.type) for value in values)]]
    if thing in (min, max):
        kinds = [element(first)] if len(values) == 1 else [value.type for value in values]
        return joined([*kinds, *(value.type for value in named.values())])
    if thing is sum:
        inner = element(first) if is_sequence(first) else Any
        return int if inner is bool else inner
    if thing is round and len(values) < 2 and not named:
        return int
    return first
