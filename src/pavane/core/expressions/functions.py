"""The functions that an expression may call; there are no others."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cmp_to_key
from typing import Any

import msgspec

from pavane.core.expressions.bounds import (
    FAULTS,
    MAX_ELEMENTS,
    MAX_EXPONENT,
    Refused,
    Run,
    kind,
    size_words,
    weigh,
)
from pavane.core.expressions.comparing import less
from pavane.core.expressions.conversions import CONVERSIONS, to_float, to_int
from pavane.core.expressions.operations import DECIMALS, add, apply, check_number
from pavane.core.expressions.shapes import is_sized


class Function(msgspec.Struct, frozen=True):
    """A function and how it may be called."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1
    keywords: frozenset[str] = frozenset()


def elements(run: Run, value: Any) -> list[Any]:
    """What a loop over the value gives; refuses what cannot be looped over."""
    if is_sized(value):
        run.charge(1 + len(value))
        return list(value)
    raise Refused(f"{kind(value)} has no elements", "Give a list, a map or a text.")


def text(run: Run, value: Any = "") -> str:
    """str(x), as Python writes it."""
    if isinstance(value, str):
        return value
    weigh(run, value)
    try:
        written = str(value)
    except FAULTS as error:
        raise Refused(f"{kind(value)} cannot be written as text", "Write its parts.") from error
    run.grow(len(written))
    return written


def _length(run: Run, value: Any) -> int:
    if is_sized(value):
        return len(value)
    raise Refused(f"{kind(value)} has no length", "Give a list, a map or a text.")


def _any(run: Run, values: Any) -> bool:
    return any(elements(run, values))


def _all(run: Run, values: Any) -> bool:
    return all(elements(run, values))


def _range(run: Run, *bounds: Any) -> range:
    if not all(isinstance(bound, int) for bound in bounds):
        raise Refused("range() counts with whole numbers", "Convert them first: int(…).")
    try:
        numbers = range(*bounds)
    except ValueError as error:
        raise Refused("range() has a step of zero", "Give another step.") from error
    size = max(0, -((numbers.start - numbers.stop) // numbers.step))
    if size > MAX_ELEMENTS:
        raise Refused(
            f"range() of {size_words(size)} numbers (at most {MAX_ELEMENTS})",
            "Count over less.",
        )
    return numbers


def _sum(run: Run, values: Any, start: Any = 0) -> Any:
    if isinstance(start, str):
        raise Refused("sum() does not join texts", "Write ''.join(…).")
    total = start
    for value in elements(run, values):
        total = apply("+", add, run, total, value)
    return total


_NOTHING: Any = object()


def _least(run: Run, *values: Any, default: Any = _NOTHING) -> Any:
    return _extreme(run, "min", values, default, lambda a, b: less(run, a, b))


def _greatest(run: Run, *values: Any, default: Any = _NOTHING) -> Any:
    return _extreme(run, "max", values, default, lambda a, b: less(run, b, a, ">"))


def _extreme(
    run: Run,
    name: str,
    values: tuple[Any, ...],
    default: Any,
    before: Callable[[Any, Any], bool],
) -> Any:
    if len(values) > 1 and default is not _NOTHING:
        raise Refused(f"{name}() takes `default` only beside one list", "Leave it out.")
    items = elements(run, values[0]) if len(values) == 1 else list(values)
    if not items:
        if default is not _NOTHING:
            return default
        raise Refused(f"{name}() of nothing", f"Say what it is then: {name}(…, default=0).")
    best = items[0]
    for item in items[1:]:
        if before(item, best):
            best = item
    return best


def _sorted(run: Run, values: Any, *, reverse: Any = False) -> list[Any]:
    items = elements(run, values)
    kinds: set[type[Any]] = {type(item) for item in items}
    if kinds == {str}:
        run.charge((len(items) + sum(len(item) >> 4 for item in items)) * len(items).bit_length())
        return sorted(items, reverse=bool(reverse))
    if kinds <= {int, bool, float}:
        run.charge(len(items) * len(items).bit_length())
        return sorted(items, reverse=bool(reverse))

    def compare(left: Any, right: Any) -> int:
        return -1 if less(run, left, right) else int(less(run, right, left))

    return sorted(items, key=cmp_to_key(compare), reverse=bool(reverse))


def _round(run: Run, number: Any, ndigits: Any = None) -> Any:
    if not isinstance(number, (int, float, Decimal)):
        raise Refused(f"round() cannot round {kind(number)}", "Convert it first: decimal(…).")
    if ndigits is not None and not isinstance(ndigits, int):
        raise Refused("round() takes a whole number of digits", "Convert it first: int(…).")
    if ndigits is not None and abs(ndigits) > MAX_EXPONENT:
        raise Refused(f"round() to more than {MAX_EXPONENT} digits", "Use fewer digits.")
    try:
        if isinstance(number, Decimal) and ndigits is not None:
            return check_number(DECIMALS.quantize(number, Decimal((0, (1,), -ndigits))))
        return check_number(round(number, ndigits))
    except FAULTS as error:
        raise Refused(f"round() cannot round {number!r}", "Round a finite number.") from error


def _absolute(run: Run, number: Any) -> Any:
    try:
        return DECIMALS.abs(number) if isinstance(number, Decimal) else abs(number)
    except FAULTS as error:
        raise Refused(f"abs() has no meaning for {kind(number)}", "Give a number.") from error


def _zip(run: Run, *values: Any, strict: Any = False) -> list[Any]:
    columns = [elements(run, value) for value in values]
    lengths = {len(column) for column in columns}
    if strict and len(lengths) > 1:
        raise Refused("zip(strict=True) was given lists of different lengths", "Check them first.")
    run.charge(sum(lengths) * 2)
    return list(zip(*columns, strict=False))


def _enumerate(run: Run, values: Any, start: Any = 0) -> list[Any]:
    if not isinstance(start, int):
        raise Refused("enumerate() counts from a whole number", "Convert it first: int(…).")
    return list(enumerate(elements(run, values), check_number(start)))


def _truth(run: Run, value: Any = False) -> bool:
    return bool(value)


_TIMEDELTA_PARTS = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")

FUNCTIONS: dict[str, Function] = {
    "len": Function(_length),
    "any": Function(_any),
    "all": Function(_all),
    "min": Function(_least, most=100, keywords=frozenset({"default"})),
    "max": Function(_greatest, most=100, keywords=frozenset({"default"})),
    "sum": Function(_sum, most=2, keywords=frozenset({"start"})),
    "sorted": Function(_sorted, keywords=frozenset({"reverse"})),
    "round": Function(_round, most=2, keywords=frozenset({"ndigits"})),
    "abs": Function(_absolute),
    "str": Function(text, least=0),
    "int": Function(to_int, least=0),
    "float": Function(to_float, least=0),
    "bool": Function(_truth, least=0),
    "range": Function(_range, most=3),
    "zip": Function(_zip, least=0, most=100, keywords=frozenset({"strict"})),
    "enumerate": Function(_enumerate, most=2, keywords=frozenset({"start"})),
    "decimal": Function(CONVERSIONS["decimal"]),
    "uuid": Function(CONVERSIONS["uuid"]),
    "date": Function(CONVERSIONS["date"], most=3),
    "datetime": Function(CONVERSIONS["datetime"], most=7),
    "time": Function(CONVERSIONS["time"], most=4),
    "timedelta": Function(
        CONVERSIONS["timedelta"], least=0, most=3, keywords=frozenset(_TIMEDELTA_PARTS)
    ),
}
