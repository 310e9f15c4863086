"""RFC 3339 times as epoch milliseconds and back, for whatever travels as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pavane.errors import InputError

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]((?:[01][0-9]|2[0-3]):[0-5][0-9]):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KNOWN = 1024  # seconds: what travels at the same time has mostly the same
_SECOND_CHARS = len("2026-01-02T03:04:05")
_WHOLE = _SECOND_CHARS + len("Z")
_WITH_FRACTION = _SECOND_CHARS + len(".678Z")


def format_time(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC, without a fraction if there is none."""
    seconds, fraction = divmod(time_ms, 1000)
    try:
        whole = _second_as_text(seconds)
    except OverflowError:
        raise InputError(
            f"{time_ms} ms is no time of the years 1 to 9999.", "Give milliseconds since 1970."
        ) from None
    return f"{whole}.{fraction:03}Z" if fraction else f"{whole}Z"


@lru_cache(_KNOWN)
def _second_as_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def parse_time(text: str) -> int:
    """RFC 3339 as epoch milliseconds; what is finer is cut off. InputError if it is no such time.

    A leap second (":60") is the first second of the next minute.
    """
    try:  # as nearly all are written
        if len(text) == _WITH_FRACTION and text[_SECOND_CHARS] == "." and text[-1] == "Z":
            fraction = text[_SECOND_CHARS + 1 : -1]
            if fraction.isdigit() and fraction.isascii():
                return _second(text[:_SECOND_CHARS]) + int(fraction)
        elif len(text) == _WHOLE and text[-1] == "Z":
            return _second(text[:_SECOND_CHARS])
    except InputError:
        pass  # it is told of the whole text
    return _parsed(text)


@lru_cache(_KNOWN)
def _second(begins: str) -> int:
    return _parsed(f"{begins}Z")


def _parsed(text: str) -> int:
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
