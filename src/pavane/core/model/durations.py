"""Durations as people write them, in seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal

from pavane.errors import DefinitionError

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = {
    **dict.fromkeys(("ms", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
_REMEDY = 'Write it like "10s", "1h30m" or "2d", as a number of seconds, or as a timedelta.'


def parse_duration(value: str | float | timedelta) -> float:
    """Seconds from "10s", "1h30m", "2 days", a number of seconds or a timedelta.

    DefinitionError for anything else, for negative and for unbounded durations.
    """
    if isinstance(value, bool):
        raise DefinitionError(f"{value!r} is not a duration.", _REMEDY)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _parse(value)
    else:
        try:
            seconds = float(value)
        except TypeError as error:  # whatever else a caller was given
            raise DefinitionError(f"{value!r} is not a duration.", _REMEDY) from error
    if seconds < 0 or not math.isfinite(seconds):
        raise DefinitionError(f"{value!r} is not a duration.", _REMEDY)
    return seconds


def _parse(text: str) -> float:
    total, at = Decimal(0), 0
    lowered = text.lower()
    while at < len(lowered):
        part = _PART.match(lowered, at)
        if part is None or part[2] not in _WORDS:
            raise DefinitionError(f"{text!r} is not a duration.", _REMEDY)
        total += Decimal(part[1]) * Decimal(str(_UNITS_S[_WORDS[part[2]]]))
        at = part.end()
    if at == 0:
        raise DefinitionError("An empty text is not a duration.", _REMEDY)
    return float(total)
