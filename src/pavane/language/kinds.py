"""What the language knows about types: fields, elements, conversions and results of operations."""

from __future__ import annotations

import collections.abc
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Literal, Never, Union, get_args, get_origin
from uuid import UUID

from pavane.language.contract import is_object, is_record, plain, without_none

CONVERSIONS: dict[Any, str] = {
    Decimal: "decimal",
    datetime: "datetime",
    date: "date",
    time: "time",
    timedelta: "timedelta",
    UUID: "uuid",
}
"""Types that travel as text, and the function of the evaluator that reads them."""

SEQUENCES = (
    list,
    tuple,
    set,
    frozenset,
    range,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)

EMPTY_LIST: Any = list[Never]
"""The type of `[]`, which says nothing about what will be added to it."""

MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def some(tp: Any) -> Any:
    """The type of a value that is not None."""
    return without_none(tp)[0]


def conversion(tp: Any) -> str:
    """The evaluator's function that reads a value of this type from the wire; empty for none."""
    inner = some(tp)
    try:
        return CONVERSIONS.get(inner, "")
    except TypeError:  # an unhashable annotation
        return ""


def is_mixed(tp: Any) -> bool:
    """Whether a union holds a type that travels as text beside others, so that nobody can tell."""
    inner = some(tp)
    members = get_args(inner) if _is_union(inner) else ()
    return any(conversion(member) or is_enum(member) for member in members)


def _is_union(tp: Any) -> bool:
    return get_origin(tp) in (Union, UnionType)


def is_enum(tp: Any) -> bool:
    """Whether a type is an enumeration."""
    inner = some(tp)
    return isinstance(inner, type) and issubclass(inner, Enum)


def is_plain_enum(tp: Any) -> bool:
    """Whether a type is an enumeration whose members are not also texts or numbers."""
    inner = some(tp)
    return is_enum(inner) and not issubclass(inner, (str, int, float))


def element(tp: Any, index: int | None = None) -> Any:
    """The type of the elements of a list, tuple or set (of the one at `index`), else Any."""
    inner = some(tp)
    origin, arguments = get_origin(inner) or inner, get_args(inner)
    if origin is range:
        return int
    if origin is str:
        return str
    if origin is tuple and arguments:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return arguments[0]
        if index is not None and -len(arguments) <= index < len(arguments):
            return arguments[index]
        return joined(list(arguments))
    if origin in SEQUENCES and arguments:
        return arguments[0]
    if origin in MAPPINGS and arguments:
        return arguments[0]
    return Any


def member(tp: Any) -> Any:
    """The type of the values of a dict, else Any."""
    inner = some(tp)
    if (get_origin(inner) or inner) in MAPPINGS:
        arguments = get_args(inner)
        return arguments[1] if len(arguments) == 2 else Any
    return Any


def is_mapping(tp: Any) -> bool:
    """Whether Python reads the members of a type as `x["name"]`."""
    inner = some(tp)
    origin = get_origin(inner) or inner
    return isinstance(origin, type) and is_object(inner) and not is_record(inner)


def is_sequence(tp: Any) -> bool:
    """Whether a type is a list, tuple or set."""
    inner = some(tp)
    return (get_origin(inner) or inner) in SEQUENCES


def is_known(tp: Any) -> bool:
    """Whether anything is known about a type."""
    return plain(tp) not in (Any, object)


def literal_base(tp: Any) -> Any:
    """`Literal["a", "b"]` as str, and so on; other types as they are."""
    inner = some(tp)
    if get_origin(inner) is Literal:
        kinds: list[Any] = [type(value) for value in get_args(inner)]
        return kinds[0] if len(set(kinds)) == 1 else Any
    return inner


def joined(types: list[Any]) -> Any:
    """The type of a value that comes from one of several places."""
    flat: list[Any] = []
    for tp in types:
        tp = plain(tp)
        if tp is Any:
            return Any
        if tp not in flat and tp is not Never:
            flat.append(tp)
    if len(flat) > 1 and any((get_origin(tp) or tp) is list for tp in flat if tp != EMPTY_LIST):
        flat = [tp for tp in flat if tp != EMPTY_LIST]
    if not flat:
        return Any
    return flat[0] if len(flat) == 1 else Union[tuple(flat)]  # noqa: UP007  # built from a tuple


def holds_converted(tp: Any) -> bool:
    """Whether a type is, or has inside, something that travels as text and must be converted."""
    inner = some(tp)
    if conversion(inner):
        return True
    if is_sequence(inner):
        return holds_converted(element(inner))
    return False


_NUMBERS = (bool, int, float, Decimal)


def arithmetic(left: Any, right: Any, divides: bool = False) -> Any:
    """The type of an arithmetic result; None where Python refuses the pair; Any if unknown."""
    a, b = literal_base(left), literal_base(right)
    if a not in (*_NUMBERS, str) or b not in (*_NUMBERS, str):
        return Any
    if a is str or b is str:
        return str if a is b else None
    if Decimal in (a, b):
        return None if float in (a, b) else Decimal
    return float if divides or float in (a, b) else int
