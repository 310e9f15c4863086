"""From values of the evaluator to what JSON can hold."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, cast
from uuid import UUID

import msgspec

from pavane.core.expressions.bounds import MAX_DATA_DEPTH, MAX_ELEMENTS
from pavane.core.expressions.shapes import is_map, is_series
from pavane.errors import ExpressionError

_PLAIN = frozenset({str, int, bool, type(None)})
_TEXTS = (date, time, timedelta, UUID)


def to_wire(value: Any) -> Any:
    """The JSON-like form: Decimal, date, time, UUID as text, tuples and sets as lists, enums as
    their values; new lists and maps, shared texts. ExpressionError for anything else, for NaN,
    for more than a million members and for a nesting beyond 200.
    """
    if type(value) in _PLAIN:
        return value
    return _Writer().write(value, 0)


class _Writer:
    """Counts what it writes, so that a small value that repeats itself cannot become endless."""

    def __init__(self) -> None:
        self.left = MAX_ELEMENTS

    def write(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DATA_DEPTH:
            raise ExpressionError(
                f"a value has more than {MAX_ELEMENTS} members or {MAX_DATA_DEPTH} levels.",
                "Make it smaller.",
            )
        if type(value) in _PLAIN:
            return value
        if is_map(value):
            return self._map(value, depth)
        if is_series(value) or isinstance(value, range):
            return [self.write(item, depth + 1) for item in value]
        if isinstance(value, (set, frozenset)):
            # Sorted: the order of a set differs from process to process.
            members = cast("set[Any]", value)
            written = [self.write(item, depth + 1) for item in members]
            return sorted(written, key=lambda item: (type(item).__name__, repr(item)))
        if isinstance(value, Enum):
            return self.write(value.value, depth + 1)
        return _scalar(value)

    def _map(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for key, item in value.items():
            name = key if type(key) is str else _key(key)
            if name in written:
                raise ExpressionError(
                    f"a map has two keys that are both written {name!r}.", "Use texts as keys."
                )
            written[name] = self.write(item, depth + 1)
        return written


def _key(key: Any) -> str:
    plain = key.value if isinstance(key, Enum) else key
    if isinstance(plain, bool) or plain is None or isinstance(plain, tuple):
        raise ExpressionError(
            f"{key!r} cannot be a key in JSON.", "Use a text: str(…) or an f-string."
        )
    return str(_scalar(plain))


def _scalar(value: Any) -> Any:
    if isinstance(value, (float, Decimal)):
        if not isfinite(value):
            raise ExpressionError(
                f"{value} has no place in JSON.", "Test for it before, and give another value."
            )
        return value if isinstance(value, float) else str(value)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, _TEXTS):
        return msgspec.to_builtins(value)  # the same text as where results of tasks are encoded
    raise ExpressionError(
        f"a value of type {type(value).__name__} has no place in JSON.",
        "Give texts, numbers, lists and maps.",
    )
