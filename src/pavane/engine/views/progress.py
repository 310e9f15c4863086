"""How far a step is, as people read it."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.engine.views.shapes import NULL, StepView

_CHARS_MAX = 200


def progress_text(step: StepView) -> str:
    """What the step told last: a share as per cent, a text as it is, else JSON; "" for nothing."""
    if step.progress == NULL:
        return ""
    value: Any = msgspec.json.decode(step.progress)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return f"{value:.0%}"
    text = value if isinstance(value, str) else bytes(step.progress).decode()
    line = text.split("\n", 1)[0]
    return line if len(line) <= _CHARS_MAX else f"{line[:_CHARS_MAX]}…"
