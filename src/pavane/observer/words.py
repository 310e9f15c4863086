"""How the observer says things: moments, lists, attempts, and what a person can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


def moment(at: int) -> str:
    """Epoch milliseconds for people, to the second."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # a note may say anything
        return f"{at} ms"


def nth_attempt(attempt: int) -> str:
    """`, attempt 2` from the second on; `attempt` counts from 0."""
    return f", attempt {attempt + 1}" if attempt else ""


def listed(things: Sequence[str]) -> str:
    """`a, b and c`; what all of them end with is said once: `shipping and payment to freeze`."""
    pairs = [each.partition(" ") for each in things]
    tails = {tail for _, _, tail in pairs}
    if len(tails) == 1 and (tail := tails.pop()):
        return f"{_listed([head for head, _, _ in pairs])} {tail}"
    return _listed(things)


def _listed(things: Sequence[str]) -> str:
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} and {things[-1]}"


def because(reason: str) -> str:
    """`: reason`, its first line; nothing where there is none."""
    return f": {reason.splitlines()[0]}" if reason.strip() else ""


def settling(id: str, ref: str) -> str:
    """The command with which a person settles what gave up."""
    return f"(pavane resolve {id} {ref} retry|done|abandon)"
