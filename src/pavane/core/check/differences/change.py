"""One difference between two versions, and what it means for executions that run by the first."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

_SHOWN_MAX = 60  # characters of a value

Kind = Literal["added", "removed", "changed"]

LATER: Final = "Executions do it when they come to it."
BEGUN: Final = "Executions in which it has begun cannot be moved any more."


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """What is different about a step ("": about the whole), in words, and what follows from it."""

    kind: Kind
    step: str
    what: str
    meaning: str


def shown(value: Any) -> str:
    """A value as people read it, cut."""
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else value
    text = text or '""'
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Which members of an object are different, and how; "" where none is."""
    said: list[str] = []
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in after:
            said.append(f"`{key}` is gone")
        elif key not in before:
            said.append(f"`{key}` is new: {shown(after[key])}")
        elif before[key] != after[key]:
            said.append(f"`{key}` is {shown(after[key])}, was {shown(before[key])}")
    return "; ".join(said)
