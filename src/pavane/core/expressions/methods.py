"""The methods and attributes of values that an expression may use; all pure and bounded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any

from pavane.core.expressions.bounds import FAULTS, Refused, Run, kind
from pavane.core.expressions.functions import elements
from pavane.core.expressions.shapes import is_map, is_sized

_PLAIN_TEXT = frozenset(
    (
        *("upper", "lower", "title", "capitalize", "casefold", "swapcase"),
        *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"),
        *("startswith", "endswith", "count", "find", "index", "partition", "splitlines"),
        *("isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isspace"),
        *("isupper", "islower", "istitle", "isascii"),
    )
)
_MAX_STRIPPED = 1_000
"""Characters to strip: each is compared with each of the text."""

_ATTRIBUTES: dict[type[Any], tuple[str, ...]] = {
    datetime: ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    date: ("year", "month", "day"),
    time: ("hour", "minute", "second", "microsecond"),
    timedelta: ("days", "seconds", "microseconds"),
}
_TIME_METHODS: dict[type[Any], tuple[str, ...]] = {
    datetime: ("date", "time", "isoformat", "weekday", "isoweekday"),
    date: ("isoformat", "weekday", "isoweekday"),
    time: ("isoformat",),
    timedelta: ("total_seconds",),
}


def _names(table: dict[type[Any], tuple[str, ...]], value: object) -> tuple[str, ...]:
    return table.get(type(value), ())


def attribute(value: Any, name: str, path: str) -> Any:
    """`value.name`: a member of a map, or a part of a date; `path` names the value in messages."""
    if is_map(value):
        return member(value, name, path)
    if name in _names(_ATTRIBUTES, value):
        return getattr(value, name)
    if value is None:
        raise Refused(
            f"{path} has no value (null), so it has no `{name}`",
            f"Test it first: x.{name} if x is not None else …",
        )
    remedy = "Read a member of a map."
    if isinstance(value, str) and any(name in names for names in _ATTRIBUTES.values()):
        remedy = "Convert the text first: date(…) or datetime(…)."
    raise Refused(f"{path} is {kind(value)} and has no `{name}`", remedy)


def member(value: dict[Any, Any], key: Any, path: str) -> Any:
    """`value[key]` of a map; a missing key is an error that names the path."""
    try:
        return value[key]
    except KeyError:
        shown = repr(key) if len(repr(key)) <= 60 else "this key"
        names = [each for each in list(value)[:200] if isinstance(each, str)]
        close = get_close_matches(key, names, 1) if isinstance(key, str) and len(key) < 60 else []
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise Refused(
            f"{path} has no {shown}{hint}",
            "Correct the name, or read it with .get(…) where it may be missing.",
        ) from None
    except TypeError as error:
        raise Refused(
            f"{kind(key)} cannot be the key of a map", "Use a text or a number."
        ) from error


def item(run: Run, value: Any, key: Any, path: str) -> Any:
    """`value[key]`."""
    if is_map(value):
        return member(value, key, path)
    if value is None:
        raise Refused(f"{path} has no value (null)", "Test it first: … if x is not None else …")
    if not is_sized(value):
        raise Refused(f"{path} is {kind(value)} and has no items", "Give a list, map or text.")
    try:
        found: Any = value[key]
    except IndexError as error:
        raise Refused(
            f"{path} has {len(value)} items, none at {key}",
            "Test its length first: x[0] if len(x) > 0 else …",
        ) from error
    except FAULTS as error:
        raise Refused(
            f"{path} is {kind(value)}: {kind(key)} is no index of it", "Use a whole number."
        ) from error
    if isinstance(key, slice) and not isinstance(found, range):
        run.grow(len(found))
        run.charge(0 if isinstance(found, str) else len(found))
    return found


def call_method(
    run: Run, value: Any, name: str, arguments: list[Any], keywords: dict[str, Any]
) -> Any:
    """`value.name(…)`."""
    try:
        if isinstance(value, str) and name in TEXT_METHODS:
            run.charge(1 + (len(value) >> 4))
            return TEXT_METHODS[name](run, value, *arguments, **keywords)
        if is_map(value) and name in MAP_METHODS:
            return MAP_METHODS[name](run, value, *arguments, **keywords)
        if name in _names(_TIME_METHODS, value):
            return getattr(value, name)(*arguments, **keywords)
    except Refused:
        raise
    except FAULTS as error:
        raise Refused(
            f"{name}() cannot be called this way: {error}", "Check its arguments."
        ) from error
    raise Refused(
        f"{kind(value)} has no method {name}()",
        "Convert the value first." if name in METHOD_NAMES else _methods_remedy(),
    )


def _plain(name: str) -> Callable[..., Any]:
    def call(run: Run, value: Any, *arguments: Any) -> Any:
        if name.endswith("strip") and arguments and len(arguments[0] or "") > _MAX_STRIPPED:
            raise Refused(
                f"{name}() of more than {_MAX_STRIPPED} characters", "Strip fewer characters."
            )
        result: Any = getattr(value, name)(*arguments)
        if is_sized(result):
            run.grow(len(result))
        return result

    return call


def _split(run: Run, value: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    parts = value.split(sep, maxsplit)
    run.charge(len(parts))
    return parts


def _join(run: Run, value: str, parts: Any) -> str:
    items = elements(run, parts)
    if not all(isinstance(each, str) for each in items):
        odd = next(each for each in items if not isinstance(each, str))
        raise Refused(f"join() found {kind(odd)} among the texts", "Convert each first: str(…).")
    run.grow(sum(len(each) for each in items) + len(value) * max(0, len(items) - 1))
    return value.join(items)


def _replace(run: Run, value: str, old: str, new: str, count: int = -1) -> str:
    times = value.count(old)
    if count >= 0:
        times = min(times, count)
    run.grow(len(value) + times * (len(new) - len(old)))
    return value.replace(old, new, count)


def _padded(name: str) -> Callable[..., Any]:
    def call(run: Run, value: str, width: int, *fill: str) -> str:
        run.grow(max(width, len(value)))
        return getattr(value, name)(width, *fill)

    return call


TEXT_METHODS: dict[str, Callable[..., Any]] = {
    **{name: _plain(name) for name in _PLAIN_TEXT},
    **{name: _padded(name) for name in ("zfill", "ljust", "rjust", "center")},
    "split": _split,
    "join": _join,
    "replace": _replace,
}


def _get(run: Run, value: dict[Any, Any], key: Any, default: Any = None) -> Any:
    return value.get(key, default)


def _values(run: Run, value: dict[Any, Any]) -> list[Any]:
    run.charge(len(value))
    return list(value.values())


def _items(run: Run, value: dict[Any, Any]) -> list[Any]:
    run.charge(len(value))
    return list(value.items())


MAP_METHODS: dict[str, Callable[..., Any]] = {
    "get": _get,
    "keys": elements,
    "values": _values,
    "items": _items,
}

METHOD_NAMES = frozenset(
    {*TEXT_METHODS, *MAP_METHODS, *(name for names in _TIME_METHODS.values() for name in names)}
)


def _methods_remedy() -> str:
    return f"Use one of {', '.join(sorted(METHOD_NAMES))}."
