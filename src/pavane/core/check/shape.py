"""Refuses what is too big or nested too deeply for anything else to look at; never recurses."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import lists_of
from pavane.core.model.workflow import Step, Workflow

DEPTH_MAX = 50  # SWITCH, FORK_JOIN and scopes inside one another
STEPS_MAX = 20_000


def check(workflow: Workflow) -> Iterator[str]:
    """Find steps nested too deeply, and too many steps."""
    if not workflow.tasks:
        yield "The workflow has no steps; give it at least one in `tasks`."
        return
    count = 0
    level: list[list[Step]] = [workflow.tasks]
    depth = 0
    while level:
        depth += 1
        steps = [step for inner in level for step in inner]
        count += len(steps)
        if steps and depth > DEPTH_MAX:
            yield (
                f"Steps are nested more than {DEPTH_MAX} deep, such as {steps[0].ref!r}; "
                "move inner parts into workflows of their own and start them by name."
            )
            return
        if count > STEPS_MAX:
            yield (
                f"The workflow has more than {STEPS_MAX:,} steps; "
                "move parts into workflows of their own and start them by name."
            )
            return
        level = [inner for step in steps for inner in _inside(step)]


def _inside(step: Step) -> Iterator[list[Step]]:
    for _, steps in lists_of(step):
        yield steps
    param = step.sub_workflow_param
    if param is not None and param.workflow_definition is not None:
        yield param.workflow_definition.tasks
