"""Loops and fans in few columns: iterations of a step, and branches of a fork, stand together."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pavane.core.model import status as st
from pavane.engine.views.shapes import UNDONE, StepView

_DONE = st.SUCCESSFUL | {UNDONE}
_NUMBERS = re.compile(r"(__[1-9][0-9]*)+$")


class _Looped(msgspec.Struct):
    """What is read of a loop's output, however long it is."""

    iteration: int = 0


def by_step(steps: Sequence[StepView]) -> dict[str, list[StepView]]:
    """Steps by their names, those of several iterations together, the newest last.

    The names of a definition may end like `x__1` too; they are only taken for iterations where
    there is a loop. Branches that were made at run time stand together as their fork and a `*`.
    """
    has_loops = any(step.type == "DO_WHILE" for step in steps)
    found: dict[str, list[StepView]] = {}
    for step in steps:
        name = f"{step.fork} *" if step.fork else step.ref
        name = _NUMBERS.sub("", name) if has_loops and not step.undoes else name
        found.setdefault(name, []).append(step)
    return found


def telling(steps: Sequence[StepView]) -> StepView:
    """The one that says most of those that stand together: the newest iteration.

    Of branches, which have no order, the last that is not done, if there is one.
    """
    unfinished = [step for step in steps if step.fork and step.status not in _DONE]
    return (unfinished or steps)[-1]


def iterations(step: StepView) -> int:
    """How often a loop has gone round so far; 0 for other steps."""
    if step.type != "DO_WHILE":
        return 0
    try:
        return msgspec.json.decode(step.output, type=_Looped).iteration
    except msgspec.DecodeError:  # cut short for being large, or null
        return 0
