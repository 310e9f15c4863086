"""Refuses attempts without a time limit: an abort would wait for a lost one for ever."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.projectable.offered import task_of
from pavane.core.check.projectable.parts import Part
from pavane.core.model.task_definition import TaskDefinition


def check(part: Part) -> Iterator[str]:
    """Find tasks and undos whose attempts may take for ever."""
    for place in part.layout.places:
        step = task_of(place.step)
        if step is None:
            continue
        if not _is_limited(part.offered.definition(step)):
            yield (
                f"{place.name}: an attempt at {step.name!r} may take for ever, and an abort would "
                "wait for it; give its task a `timeout=`."
            )
        if step.undo is not None and not _is_limited(part.offered.of_undo(step.undo)):
            yield (
                f"{place.name}: an attempt at its undo {step.undo.name!r} may take for ever, and "
                "an abort would wait for it; give that task a `timeout=`."
            )


def _is_limited(definition: TaskDefinition | None) -> bool:
    if definition is None:  # a task that nobody defined has a response timeout
        return True
    if definition.response_timeout_seconds:
        return True
    return bool(definition.timeout_seconds) and definition.timeout_policy != "ALERT_ONLY"
