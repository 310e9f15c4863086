"""Refuses JOINs that count where the branches they go on without could not be called off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pavane.core.check.layout import Layout, Place
from pavane.core.decide.plan import all_steps
from pavane.core.decide.races import SHOWN
from pavane.core.model.workflow import Step

# What is one deed, or holds one: it can be stopped, and undone by itself.
_BRANCHES: Final = frozenset(
    {
        "DYNAMIC",
        "EVENT",
        "HTTP",
        "HUMAN",
        "INLINE",
        "NOOP",
        "SIMPLE",
        "START_WORKFLOW",
        "SUB_WORKFLOW",
        "WAIT",
    }
)


def check(layout: Layout) -> Iterator[str]:
    """Find what a JOIN with a `joinCount`, and the branches in front of it, cannot have."""
    for place in layout.places:
        if place.step.join_count is None:
            continue
        if place.step.type != "JOIN":
            yield f"{place.name}: only a JOIN has `joinCount`; this is a {place.step.type}."
            continue
        yield from (f"{place.name}: {text}." for text in _join(place))


def _join(place: Place) -> Iterator[str]:
    fork, join = place.before(), place.step
    if fork is None or fork.type != "FORK_JOIN":
        if fork is not None and fork.type == "FORK_JOIN_DYNAMIC":
            yield (
                "it has a `joinCount` behind a FORK_JOIN_DYNAMIC, which is not built yet; fork "
                "branches that are written down, or leave it out"
            )
        return  # without a fork it is found by another check
    if join.optional or join.permissive:
        yield (
            "with a `joinCount` it cannot be optional or permissive; leave that out, or put the "
            "fork and the JOIN into a SUB_WORKFLOW that is optional"
        )
    branches = [branch for branch in fork.fork_tasks if branch]
    needed = join.join_count or 0
    if needed > len(branches):
        yield (
            f"it waits for {needed} of the {len(branches)} branches of {fork.ref!r}; write a "
            "joinCount that can come true"
        )
    for number, branch in enumerate(branches, 1):
        yield from _branch(f"branch {number} of {fork.ref!r}", branch)
    ends = [branch[-1].ref for branch in branches]
    if all(len(branch) == 1 for branch in branches) and sorted(join.join_on) != sorted(ends):
        yield (
            "with a `joinCount` it has to wait for every branch, each once: `joinOn` is to be "
            f"{', '.join(ends)}"
        )


def _branch(where: str, branch: list[Step]) -> Iterator[str]:
    step = branch[0]
    if len(branch) > 1:
        yield (
            f"it counts, so that each branch can be called off alone, and {where} has "
            f"{len(branch)} steps; put them into a SUB_WORKFLOW, which is one"
        )
    elif step.type not in _BRANCHES:
        yield (
            f"it counts, so that each branch can be called off alone, and {where} is a "
            f"{step.type}; put that into a SUB_WORKFLOW"
        )
    if any(_has_pivot(each) for each in branch):
        yield (
            f"it counts, and there is a pivot in {where}: if that loses it could already be past "
            "its pivot, with no way back; put the pivot behind the JOIN"
        )
    for option, wrong in (("optional", step.optional), ("permissive", step.permissive)):
        if wrong:
            yield (
                f"it counts what was done, so {where} may fail anyway; leave out `{option}` at "
                f"{step.ref!r}"
            )
    if step.ref in SHOWN:
        yield (
            f"its output has a {step.ref!r} of its own beside the outputs of its branches; name "
            f"{where} differently"
        )


def _has_pivot(step: Step) -> bool:
    if step.pivot:
        return True
    param = step.sub_workflow_param
    inner = list(all_steps([step]))[1:]
    if param is not None and param.workflow_definition is not None:
        inner += param.workflow_definition.tasks
    return any(_has_pivot(each) for each in inner)
