"""Durations as Conductor's WAIT reads them, beside those that people write."""

from __future__ import annotations

from pavane.core.model.durations import parse_duration

__all__ = ["conductor_duration", "parse_duration"]


def conductor_duration(seconds: float) -> str:
    """The `duration` of a WAIT: `N days N hours N minutes N seconds`.

    Conductor knows whole seconds only; a fraction is written as decimal seconds, our extension.
    """
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    parts: list[str] = []
    for word, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {word}{'s' if count > 1 else ''}")
    if rest:
        parts.append(f"{whole}.{rest:03d}".rstrip("0") + " seconds")
    elif whole or not parts:
        parts.append(f"{whole} second{'' if whole == 1 else 's'}")
    return " ".join(parts)
