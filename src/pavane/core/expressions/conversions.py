"""From what travels as JSON to the types of annotations: decimal(), date(), uuid() and their like.

Each takes text, the type itself, or null, which stays null: a field annotated `Decimal | None`
is converted as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from pavane.core.expressions.bounds import FAULTS, MAX_INT_BITS, Refused, Run, kind
from pavane.core.expressions.operations import check_number, exact

MAX_NUMBER_CHARS = 1_000


def to_decimal(run: Run, value: Any) -> Decimal | None:
    """A Decimal from text, a whole number or a float (through its shortest text)."""
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return exact(value)
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return check_number(Decimal(value))
        if isinstance(value, str) and len(value) <= MAX_NUMBER_CHARS:
            return check_number(Decimal(value))
    except ArithmeticError as error:
        raise _unfit("decimal", value, "12.50") from error
    raise _unfit("decimal", value, "12.50")


def to_int(run: Run, value: Any = 0) -> int:
    """int(x): of text, or the whole part of a number."""
    _check_text("int", value)
    try:
        return check_number(int(value))
    except FAULTS as error:
        raise _unfit("int", value, "12") from error


def to_float(run: Run, value: Any = 0.0) -> float:
    """float(x); infinite numbers and NaN have no place in JSON and are refused."""
    _check_text("float", value)
    try:
        number = float(value)
    except FAULTS as error:
        raise _unfit("float", value, "12.5") from error
    if number - number != 0:
        raise _unfit("float", value, "12.5")
    return number


def _check_text(name: str, value: Any) -> None:
    if isinstance(value, str) and len(value) > MAX_NUMBER_CHARS:
        raise Refused(
            f"{name}() was given a text of {len(value)} characters",
            f"Give at most {MAX_NUMBER_CHARS}.",
        )


def to_date(run: Run, *values: Any) -> date | None:
    """date(text), date(a datetime) or date(year, month, day)."""
    if len(values) == 1 and isinstance(values[0], datetime):
        return values[0].date()
    return _temporal("date", date, values, "2024-05-31")


def to_datetime(run: Run, *values: Any) -> datetime | None:
    """datetime(text) or datetime(year, month, day, …)."""
    return _temporal("datetime", datetime, values, "2024-05-31T10:00:00Z")


def to_time(run: Run, *values: Any) -> time | None:
    """time(text), time(a datetime) or time(hour, minute, …)."""
    if len(values) == 1 and isinstance(values[0], datetime):
        return values[0].time()
    return _temporal("time", time, values, "10:00:00")


def to_uuid(run: Run, value: Any) -> UUID | None:
    """uuid(text)."""
    return _temporal("uuid", UUID, (value,), "6b5ac2f4-9e0e-4a4c-8f51-0d2bb2d0a1c3")


def to_timedelta(run: Run, *values: Any, **parts: Any) -> timedelta | None:
    """timedelta(ISO 8601 text), or Python's own: timedelta(days, …), timedelta(hours=2)."""
    if len(values) == 1 and not parts and (values[0] is None or isinstance(values[0], str)):
        return _temporal("timedelta", timedelta, values, "P1DT2H")
    numbers = [*values, *parts.values()]
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise _unfit(
            "timedelta", next(n for n in numbers if not isinstance(n, (int, float))), "P1D"
        )
    try:
        return timedelta(*values, **parts)
    except FAULTS as error:
        raise Refused("the timedelta is out of range", "Use a shorter time.") from error


def _temporal(name: str, wanted: type[Any], values: tuple[Any, ...], example: str) -> Any:
    """A value from its text, from Python's constructor arguments, or as it is."""
    if len(values) == 1:
        value = values[0]
        if value is None or type(value) is wanted:
            return value
        if isinstance(value, str) and len(value) <= MAX_NUMBER_CHARS:
            try:
                # The same reading as at the door where inputs are checked.
                return msgspec.convert(value, wanted)
            except (msgspec.ValidationError, *FAULTS) as error:
                raise _unfit(name, value, example) from error
        if wanted is not time:
            raise _unfit(name, value, example)
    if not all(isinstance(value, int) and value.bit_length() < 32 for value in values):
        raise _unfit(name, values, example)
    try:
        return wanted(*values)
    except FAULTS as error:
        raise _unfit(name, values, example) from error


def _unfit(name: str, value: Any, example: str) -> Refused:
    if isinstance(value, (list, tuple, dict)):
        shown = kind(value)
    elif isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        shown = "this number"
    else:
        text = repr(value)
        shown = text if len(text) <= 40 else text[:37] + "…"
    return Refused(f"{name}() cannot read {shown}", f"Give it a value such as {example!r}.")


CONVERSIONS: dict[str, Callable[..., Any]] = {
    "decimal": to_decimal,
    "date": to_date,
    "datetime": to_datetime,
    "time": to_time,
    "timedelta": to_timedelta,
    "uuid": to_uuid,
}
