"""What can be proved of a definition before it is deployed, and the words to explain it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pavane.core.check import (
    endless,
    joins,
    limits,
    names,
    order,
    policies,
    projectable,
    races,
    reads,
    schedules,
    shape,
    starts,
    types,
    undoing,
)
from pavane.core.check.layout import Finding, Layout, Place, inner_scopes, lay_out, written_at
from pavane.core.check.reading import read_workflow
from pavane.core.check.task_definitions import check_tasks
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.errors import DefinitionError

__all__ = ["Finding", "check_tasks", "check_workflow", "ensure_valid", "find", "read_workflow"]

_CHECKS = (
    names.check,
    types.check,
    joins.check,
    races.check,
    reads.check,
    order.check,
    undoing.check,
    policies.check,
)


def check_workflow(
    workflow: Workflow,
    tasks: Mapping[str, TaskDefinition] | None = None,
    workflows: Collection[Workflow] = (),
) -> list[str]:
    """Everything that is wrong with a definition: one sentence each, with a way out.

    `workflows` are those that it may start by name; a choreographed one must know them.
    """
    return list(dict.fromkeys(found.text for found in find(workflow, tasks, workflows)))


def find(
    workflow: Workflow,
    tasks: Mapping[str, TaskDefinition] | None = None,
    workflows: Collection[Workflow] = (),
) -> list[Finding]:
    """The same, each with the place where it is written, as far as the definition says so."""
    at = written_at(workflow.metadata)
    found = [Finding(text, at) for text in shape.check(workflow)]
    if found:  # too big or too deep to be walked through
        return found
    if not workflow.name:
        found.append(Finding("The workflow has no name; give it one.", at))
    used: set[str] = set()
    for number, layout in enumerate(_scopes(workflow)):
        if not number:
            found += layout.tell(endless.check(workflow))
            found += layout.tell(starts.check(workflow))
            found += layout.tell(schedules.check(workflow))
        found += layout.tell(limits.check(layout.workflow, in_place=number > 0))
        for check in _CHECKS:
            found += layout.tell(check(layout))
        used |= {name for place in layout.places for name in _task_names(place)}
    for layout, text in projectable.findings(workflow, tasks, workflows):
        found += layout.tell([text])
    used_tasks = {name: task for name, task in (tasks or {}).items() if name in used}
    found += (Finding(text) for text in check_tasks(used_tasks))
    return list(dict.fromkeys(found))


def ensure_valid(
    workflow: Workflow,
    tasks: Mapping[str, TaskDefinition] | None = None,
    workflows: Collection[Workflow] = (),
) -> None:
    """Raise DefinitionError, with all `findings`, for a workflow that cannot be run as it is."""
    found = check_workflow(workflow, tasks, workflows)
    if not found:
        return
    name = workflow.name or "(without a name)"
    if len(found) == 1:
        raise DefinitionError(f"Workflow {name!r}: {found[0]}", findings=found)
    text = "".join(f"\n- {finding}" for finding in found)
    raise DefinitionError(f"Workflow {name!r} has {len(found)} findings:{text}", findings=found)


def _task_names(place: Place) -> Iterator[str]:
    yield place.step.name
    if place.step.undo is not None:
        yield place.step.undo.name


def _scopes(workflow: Workflow) -> list[Layout]:
    """The workflow, and every definition that stands in place in it."""
    layouts = [lay_out(workflow)]
    for layout in layouts:
        layouts += inner_scopes(layout)  # the list grows while it is read, until all are in it
    return layouts
