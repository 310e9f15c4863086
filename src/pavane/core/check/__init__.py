"""What can be proved of a definition before it is deployed, and the words to explain it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pavane.core.check import endless, joins, names, order, policies, reads, shape, types, undoing
from pavane.core.check.layout import Layout, Place, inner_scopes, lay_out
from pavane.core.check.reading import read_workflow
from pavane.core.check.task_definitions import check_tasks
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.errors import DefinitionError

__all__ = ["check_tasks", "check_workflow", "ensure_valid", "read_workflow"]

_CHECKS = (
    names.check,
    types.check,
    joins.check,
    reads.check,
    order.check,
    undoing.check,
    policies.check,
)


def check_workflow(
    workflow: Workflow, tasks: Mapping[str, TaskDefinition] | None = None
) -> list[str]:
    """Everything that is wrong with a definition: one sentence each, with a way out."""
    found = list(shape.check(workflow))
    if found:  # too big or too deep to be walked through
        return found
    if not workflow.name:
        found.append("The workflow has no name; give it one.")
    found += endless.check(workflow)
    used: set[str] = set()
    for layout in _scopes(workflow):
        for check in _CHECKS:
            found += (f"{layout.where}{text}" for text in check(layout))
        used |= {name for place in layout.places for name in _task_names(place)}
    found += check_tasks({n: task for n, task in (tasks or {}).items() if n in used})
    return list(dict.fromkeys(found))


def ensure_valid(workflow: Workflow, tasks: Mapping[str, TaskDefinition] | None = None) -> None:
    """Raise DefinitionError, with all `findings`, for a workflow that cannot be run as it is."""
    found = check_workflow(workflow, tasks)
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
