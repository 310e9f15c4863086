"""Method calls on data: those that the evaluator knows, and methods that are one expression."""

from __future__ import annotations

import ast
import types
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, get_args

from pavane.core.expressions.methods import METHOD_NAMES
from pavane.language import inlining
from pavane.language.arguments import read_arguments
from pavane.language.contract import is_record, type_name, without_none
from pavane.language.kinds import is_known, is_mapping, joined, literal_base, member
from pavane.language.operands import native
from pavane.language.values import POISON, Value

if TYPE_CHECKING:
    from pavane.language.expressions import Reader

_CHANGING = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
        *("update", "setdefault", "add", "discard"),
    )
)
_RESULTS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "casefold"),
            *("swapcase", "removeprefix", "removesuffix", "replace", "join", "zfill", "ljust"),
            *("rjust", "center", "isoformat"),
        ),
        str,
    ),
    **dict.fromkeys(
        (
            *("startswith", "endswith", "isdigit", "isalpha", "isalnum", "isdecimal"),
            *("isnumeric", "isspace", "isupper", "islower", "istitle", "isascii"),
        ),
        bool,
    ),
    **dict.fromkeys(("count", "find", "index", "weekday", "isoweekday"), int),
    **dict.fromkeys(("split", "splitlines"), list[str]),
    "total_seconds": float,
    "date": date,
    "time": time,
}
CHANGED = "results are values and cannot be changed; build a new one"


def method(reader: Reader, node: ast.Call, func: ast.Attribute) -> Value:
    """`x.name(…)` where `x` is data."""
    base = reader.read(func.value)
    given = read_arguments(reader, node)
    if base.poison or given is None:
        return POISON
    tp = without_none(base.type)[0]
    own = getattr(tp, func.attr, None) if is_record(tp) else None
    if isinstance(own, types.FunctionType):
        return inlining.inline(reader, node, own, [base, *given[0]], given[1])
    if func.attr in _CHANGING and func.attr not in dir(str):
        return reader.refuse(node, CHANGED)
    if func.attr not in METHOD_NAMES or not _has(tp, func.attr):
        whose = f" of {type_name(tp)}" if is_known(tp) else ""
        return reader.refuse(
            node,
            f"{func.attr}(){whose} cannot be evaluated inside a workflow; make it a task",
            "" if is_known(tp) else f"Methods that can: {', '.join(sorted(METHOD_NAMES))}.",
        )
    return _written(reader, node, func, base, given)


def _has(tp: Any, name: str) -> bool:
    """Whether Python values of a type have a method; unknown types may."""
    if is_mapping(tp):
        return hasattr(dict, name)
    base = literal_base(tp)
    return hasattr(base, name) if isinstance(base, type) and is_known(base) else True


def _written(
    reader: Reader,
    node: ast.Call,
    func: ast.Attribute,
    base: Value,
    given: tuple[list[Value], dict[str, Value]],
) -> Value:
    values, named = given
    receiver = native(reader.site, func.value, base)
    made = ast.Call(
        ast.Attribute(receiver, func.attr, ast.Load()),
        [native(reader.site, node, value) for value in values],
        [ast.keyword(key, native(reader.site, node, value)) for key, value in named.items()],
    )
    tp = without_none(base.type)[0]
    if func.attr in ("get", "keys", "values", "items"):
        return Value(made, type=_of_mapping(tp, func.attr, values))
    result = _RESULTS.get(func.attr, Any)
    if func.attr in ("date", "time") and tp is not datetime:
        result = Any
    return Value(made, type=result, native=True)


def _of_mapping(tp: Any, name: str, values: list[Value]) -> Any:
    item = member(tp)
    key = get_args(tp)[0] if len(get_args(tp)) == 2 else Any
    if name == "get":
        other = values[1].type if len(values) > 1 else type(None)
        return joined([item, other])
    if name == "keys":
        return list[key]
    return list[item] if name == "values" else list[tuple[key, item]]
