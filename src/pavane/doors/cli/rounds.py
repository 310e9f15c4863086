"""Loops in few columns: the iterations of a step stand together."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pavane.engine.views.shapes import StepView

_NUMBERS = re.compile(r"(__[1-9][0-9]*)+$")


class _Looped(msgspec.Struct):
    """What is read of a loop's output, however long it is."""

    iteration: int = 0


def by_step(steps: Sequence[StepView]) -> dict[str, list[StepView]]:
    """Steps by their names, those of several iterations together, the newest last.

    The names of a definition may end like `x__1` too; they are only taken for iterations where
    there is a loop.
    """
    has_loops = any(step.type == "DO_WHILE" for step in steps)
    found: dict[str, list[StepView]] = {}
    for step in steps:
        name = _NUMBERS.sub("", step.ref) if has_loops and not step.undoes else step.ref
        found.setdefault(name, []).append(step)
    return found


def iterations(step: StepView) -> int:
    """How often a loop has gone round so far; 0 for other steps."""
    if step.type != "DO_WHILE":
        return 0
    try:
        return msgspec.json.decode(step.output, type=_Looped).iteration
    except msgspec.DecodeError:  # cut short for being large, or null
        return 0
