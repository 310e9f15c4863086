"""Equality and order: numbers as numbers, dates as dates, and never one of them as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pavane.core.expressions.bounds import FAULTS, MAX_DATA_DEPTH, Refused, Run, kind
from pavane.core.expressions.operations import paired
from pavane.core.expressions.shapes import is_map, is_series

_TYPED = (Decimal, date, time, timedelta, UUID)
"""Types that travel as text (datetime is a date)."""
_BEYOND_RANGES = 10**30
"""So that neither NaN nor an infinite number is asked for its whole part."""


def equal(run: Run, left: Any, right: Any, depth: int = 0) -> bool:
    """`==`, into lists and maps; refuses to compare a typed value with text."""
    run.charge(4)
    check_pair(left, right)
    left, right = paired(left, right)
    if isinstance(left, str):
        run.charge(len(left) >> 10)
        return isinstance(right, str) and left == right
    if is_map(left):
        return is_map(right) and _equal_maps(run, left, right, depth)
    if is_series(left):
        if not is_series(right) or type(left) is not type(right) or len(left) != len(right):
            return False
        _check_depth(depth)
        return all(equal(run, a, b, depth + 1) for a, b in zip(left, right, strict=True))
    try:
        return bool(left == right)
    except FAULTS as error:
        raise _unordered("==", left, right) from error


def _equal_maps(run: Run, left: dict[Any, Any], right: dict[Any, Any], depth: int) -> bool:
    if left.keys() != right.keys():
        return False
    _check_depth(depth)
    return all(equal(run, value, right[key], depth + 1) for key, value in left.items())


def _check_depth(depth: int) -> None:
    if depth > MAX_DATA_DEPTH:
        raise Refused(
            f"the compared values are nested more than {MAX_DATA_DEPTH} deep",
            "Compare the parts that matter.",
        )


def less(run: Run, left: Any, right: Any, symbol: str = "<", depth: int = 0) -> bool:
    """Whether `left` stands before `right`; `symbol` only serves the message."""
    run.charge(4)
    check_pair(left, right)
    left, right = paired(left, right)
    if isinstance(left, str):
        run.charge(len(left) >> 10)
    if type(left) is type(right) and type(left) in (list, tuple):
        _check_depth(depth)
        for a, b in zip(left, right, strict=False):
            if not equal(run, a, b, depth + 1):
                return less(run, a, b, symbol, depth + 1)
        return len(left) < len(right)
    try:
        return bool(left < right)
    except FAULTS as error:
        raise _unordered(symbol, left, right) from error


def _unordered(symbol: str, left: Any, right: Any) -> Refused:
    return Refused(
        f"`{symbol}` cannot compare {kind(left)} with {kind(right)}",
        "Convert both to one type first.",
    )


def check_pair(left: Any, right: Any) -> None:
    """Refuse pairs that Python would compare as text, or call different without a look."""
    if isinstance(left, str):
        left, right = right, left
    if not isinstance(left, _TYPED):
        return
    name = type(left).__name__.lower()
    if isinstance(right, str):
        raise Refused(
            f"{kind(left)} and text cannot be compared: dates and numbers are not ordered as text",
            f"Convert the text first: {name}(…).",
        )
    if isinstance(left, date) and isinstance(right, date):
        if isinstance(left, datetime) != isinstance(right, datetime):
            raise Refused(
                "a date and a datetime cannot be compared",
                "Convert the datetime first: date(…).",
            )
        if (
            isinstance(left, datetime)
            and isinstance(right, datetime)
            and (left.tzinfo is None) != (right.tzinfo is None)
        ):
            raise Refused(
                "a datetime with a time zone and one without cannot be compared",
                "Give both an offset, such as 2024-05-01T10:00:00Z.",
            )


def contains(run: Run, item: Any, container: Any) -> bool:
    """`item in container`."""
    if isinstance(container, str):
        if not isinstance(item, str):
            raise Refused(
                f"`in` cannot look for {kind(item)} in a text", "Convert it first: str(…)."
            )
        run.charge(1 + (len(container) >> 4))
        return item in container
    if is_map(container):
        if isinstance(item, _TYPED) and any(isinstance(key, str) for key in container):
            check_pair(item, "")
        run.charge(1)
        try:
            return item in container
        except TypeError as error:
            raise Refused(
                f"{kind(item)} cannot be the key of a map", "Look for a text or a number."
            ) from error
    if isinstance(container, range):
        run.charge(1)
        if isinstance(item, (float, Decimal)):
            return abs(item) < _BEYOND_RANGES and item == int(item) and int(item) in container
        return isinstance(item, int) and item in container
    if is_series(container):
        return any(equal(run, item, each) for each in container)
    raise Refused(f"`in` cannot look into {kind(container)}", "Look into a text, a list or a map.")


ORDER: dict[str, Callable[[Run, Any, Any], bool]] = {
    "<": lambda run, left, right: less(run, left, right, "<"),
    ">": lambda run, left, right: less(run, right, left, ">"),
    "<=": lambda run, left, right: less(run, left, right, "<=") or equal(run, left, right),
    ">=": lambda run, left, right: less(run, right, left, ">=") or equal(run, left, right),
}
