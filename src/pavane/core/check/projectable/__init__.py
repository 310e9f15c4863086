"""What a choreographed workflow may not contain, because its roles could not play it soundly.

Each step, choice and join has one owner; data travels with the flow, so that only what lies in the
past of a step can be read; and an abort finds an undo for whatever stands, or a pivot before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pavane.core.check.layout import Layout
from pavane.core.check.projectable import (
    joins,
    owners,
    pivots,
    profile,
    reach,
    reads,
    time_limits,
    undoing,
)
from pavane.core.check.projectable.events import heard_by, orphans, told_by
from pavane.core.check.projectable.notes import notes_of
from pavane.core.check.projectable.parts import Part, parts_of
from pavane.core.check.projectable.risks import settle
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow

__all__ = ["check", "findings", "heard_by", "notes", "orphans", "told_by"]

_CHECKS = (
    profile.check,
    owners.check,
    joins.check,
    reads.check,
    reach.check,
    time_limits.check,
    pivots.check,
)

Tasks = Mapping[str, TaskDefinition]


def check(
    workflow: Workflow, tasks: Tasks | None = None, workflows: Collection[Workflow] = ()
) -> Iterator[str]:
    """What keeps the choreographed parts of a workflow from being played; `workflows`: by name."""
    for layout, text in findings(workflow, tasks, workflows):
        yield f"{layout.where}{text}"


def findings(
    workflow: Workflow, tasks: Tasks | None = None, workflows: Collection[Workflow] = ()
) -> Iterator[tuple[Layout, str]]:
    """The same, each with the definition that it is about."""
    for part in _choreographed(workflow, tasks, workflows):
        texts: list[str] = []
        if not part.elsewhere:
            for each in _CHECKS:
                texts += each(part)
        texts += undoing.check(part)  # also what is around a workflow by name matters to it
        for text in dict.fromkeys(texts):
            yield part.layout, text


def notes(
    workflow: Workflow, tasks: Tasks | None = None, workflows: Collection[Workflow] = ()
) -> Iterator[str]:
    """What is worth knowing of the choreographed parts, and no fault."""
    for part in _choreographed(workflow, tasks, workflows):
        if not part.elsewhere:
            yield from (f"{part.layout.where}{text}" for text in notes_of(part))


def _choreographed(
    workflow: Workflow, tasks: Tasks | None, workflows: Collection[Workflow]
) -> list[Part]:
    parts = parts_of(workflow, tasks or {}, workflows)
    found = [part for part in parts if part.choreographed]
    if found:
        settle(parts)
    return found
