"""Plain functions of one `return` expression are read into the workflow where they are called."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, get_type_hints

from pavane.language.bindings import Bindings, Level, own_names
from pavane.language.kinds import is_known
from pavane.language.outside import is_constant
from pavane.language.source import Source, SourceMissing, read_source
from pavane.language.values import POISON, Value, constant
from pavane.language.work import Site

if TYPE_CHECKING:
    from pavane.language.expressions import Reader


def is_foreign(function: types.FunctionType) -> bool:
    """Whether a function belongs to Python itself or to an installed package."""
    root = (function.__module__ or "").partition(".")[0]
    file = function.__code__.co_filename.replace("\\", "/")
    return root in sys.stdlib_module_names or "/site-packages/" in file


def inline(
    reader: Reader,
    node: ast.expr,
    function: types.FunctionType,
    arguments: list[Value],
    named: dict[str, Value],
) -> Value:
    """The value of a helper's one expression with these arguments."""
    name = function.__name__
    if any(value.poison for value in (*arguments, *named.values())):
        return POISON
    if function in reader.inlined:
        return reader.refuse(
            node, f"{name} calls itself, so it cannot be read into the workflow", _TASK
        )
    try:
        source = read_source(function)
    except SourceMissing:
        return reader.refuse(
            node,
            f"{name}() cannot be evaluated inside a workflow; make it a task",
            "Its source cannot be found, so it cannot be read either.",
        )
    body = _expression(source)
    if body is None:
        return reader.refuse(node, _why_not(name, source), "")
    bound = _bound(reader, node, function, arguments, named)
    if bound is None:
        return POISON
    level = Level(own_names(source.node), dict(bound))
    site = Site(reader.site.work, source, reader.site.frame)
    value = reader.inlining(site, Bindings([level]), function).read(body)
    returns = _hints(function).get("return", Any)
    if not value.poison and not is_known(value.type) and is_known(returns):
        value = value.with_type(returns)
    return value


_TASK = "Make it a task (it then runs in a service)."


def _expression(source: Source) -> ast.expr | None:
    """The one expression that a helper returns; None for a bigger helper."""
    body = list(source.node.body)
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(source.node, ast.FunctionDef):
        return None
    only = body[0]
    return only.value if isinstance(only, ast.Return) else None


def _why_not(name: str, source: Source) -> str:
    returns = sum(isinstance(each, ast.Return) for each in ast.walk(source.node))
    body = source.node.body
    what = (
        "more than one `return` expression"
        if returns > 1 or len(body) > 1
        else ("no `return` expression")
    )
    return (
        f"{name} is a plain function with {what}, so it cannot be read into the workflow;"
        " make it a task (it then runs in a service) or one expression"
    )


def _bound(
    reader: Reader,
    node: ast.expr,
    function: types.FunctionType,
    arguments: list[Value],
    named: dict[str, Value],
) -> dict[str, Value] | None:
    try:
        bound = inspect.signature(function).bind(*arguments, **named)
    except TypeError as error:
        shown = f"{function.__name__}{inspect.signature(function)}"
        reader.refuse(node, f"{function.__name__}(): {error}", f"It takes {shown}.")
        return None
    spec = inspect.signature(function).parameters
    hints = _hints(function)
    values: dict[str, Value] = {}
    for name, parameter in spec.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            reader.refuse(node, f"{function.__name__} takes any number of arguments", _TASK)
            return None
        if name in bound.arguments:
            value: Value = bound.arguments[name]
        elif is_constant(parameter.default):
            value = constant(parameter.default)
        else:
            reader.refuse(node, f"the default of '{name}' is no constant", "Pass it in.")
            return None
        known = is_known(value.type)
        values[name] = value if known else value.with_type(hints.get(name, Any))
    return values


def _hints(function: types.FunctionType) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001  # annotations may be anything; they only help
        return {}
