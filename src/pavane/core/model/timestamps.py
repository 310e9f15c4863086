"""RFC 3339 times as epoch milliseconds and back, for whatever travels as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pavane.errors import InputError

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]((?:[01][0-9]|2[0-3]):[0-5][0-9]):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC, without a fraction if there is none."""
    try:
        time = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        raise InputError(
            f"{time_ms} ms is no time of the years 1 to 9999.", "Give milliseconds since 1970."
        ) from None
    fraction = f".{time.microsecond // 1000:03}" if time.microsecond else ""
    return f"{time.replace(tzinfo=None, microsecond=0).isoformat()}{fraction}Z"


def parse_time(text: str) -> int:
    """RFC 3339 as epoch milliseconds; what is finer is cut off. InputError if it is no such time.

    A leap second (":60") is the first second of the next minute.
    """
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        date, clock, seconds, fraction, _, sign, hours, minutes = match.groups()
        if int(seconds) > 60 or int(hours or 0) > 23 or int(minutes or 0) > 59:
            raise ValueError
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        since = datetime.fromisoformat(f"{date}T{clock}:00+00:00") - _EPOCH
        since += offset if sign == "-" else -offset
        whole = since // timedelta(seconds=1) + int(seconds)
    except ValueError:
        raise InputError(
            f"{text!r} is no RFC 3339 time.", "Write it like 2026-01-02T03:04:05.678Z."
        ) from None
    return whole * 1000 + int(f"{fraction or ''}000"[:3])
