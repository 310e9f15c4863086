"""Durations and times as Conductor writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

# Conductor's grammar: any of the parts, in this order; ours also takes fractions.
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"\s*(?:{_NUMBER}\s*(?:days|day|d))?"
    rf"\s*(?:{_NUMBER}\s*(?:hours|hour|hrs|hr|h))?"
    rf"\s*(?:{_NUMBER}\s*(?:minutes|minute|mins|min|m))?"
    rf"\s*(?:{_NUMBER}\s*(?:seconds|second|secs|sec|s))?\s*",
    re.IGNORECASE,
)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1_000)
_UNTIL = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?\s*(.*)", re.ASCII
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})", re.ASCII)
_CENTURY_MS = 100 * 366 * 86_400_000


def duration_ms(text: str) -> int:
    """Milliseconds of a text such as `2 days 4 hours` or `1.5s`; ValueError when unreadable."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError(f"{text!r} is not a duration such as `2 days 4 hours` or `30s`")
    amount = sum(float(n) * ms for n, ms in zip(found.groups(), _UNITS_MS, strict=True) if n)
    if amount > _CENTURY_MS:
        raise ValueError(f"{text!r} is more than a hundred years")
    return round(amount)


def until_at(text: str) -> int:
    """Epoch ms of `yyyy-MM-dd[ HH:mm[:ss]][ zone]`; UTC where no zone or offset is given."""
    found = _UNTIL.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a time such as `2026-12-24 18:00 UTC`")
    day, time, zone = found.groups()
    at = datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=_zone(zone, text))
    return int(at.timestamp() * 1000)


def _zone(text: str, whole: str) -> timezone:
    if text.upper() in ("", "Z", "UTC", "GMT"):
        return UTC
    found = _OFFSET.fullmatch(text)
    if not found:
        raise ValueError(f"{whole!r} names the zone {text!r}; use UTC or an offset such as +02:00")
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(offset if sign == "+" else -offset)
