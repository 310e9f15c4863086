"""Refuses undos and pivots that could do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout

# The undo of a FORK_JOIN_DYNAMIC is that of each of its branches.
_UNDOABLE = (
    "SIMPLE",
    "DYNAMIC",
    "SUB_WORKFLOW",
    "START_WORKFLOW",
    "WAIT",
    "HUMAN",
    "FORK_JOIN_DYNAMIC",
)
_PIVOTS = ("SIMPLE", "DYNAMIC", "SUB_WORKFLOW")


def check(layout: Layout) -> Iterator[str]:
    """Find undos without a task, and undos and pivots on steps that have no effect."""
    for place in layout.places:
        step = place.step
        if step.undo is not None and not step.undo.name:
            yield f"{place.name}: its `undo` names no task; give it a `name`."
        if step.undo is not None and step.type not in _UNDOABLE:
            yield (
                f"{place.name}: a {step.type} has no effect that could be undone; "
                "put `undo` on the steps that have."
            )
        if step.pivot and step.type not in _PIVOTS:
            yield (
                f"{place.name}: a {step.type} cannot be a pivot; "
                "put `pivot` on the task behind which there is no way back."
            )
