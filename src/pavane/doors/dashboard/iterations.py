"""What steps have come to: in the newest iteration of a loop, in all branches of a fan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pavane.core.decide.nodes import Path, numbered, parted
from pavane.core.model import status as st
from pavane.core.model.workflow import Step
from pavane.engine.views.shapes import UNDONE, StepView


class Newest(NamedTuple):
    """By the names of the definition: its steps as they are now, and how often loops went round."""

    steps: dict[str, StepView]
    iterations: dict[str, int]


class Fan(NamedTuple):
    """How far the branches of a FORK_JOIN_DYNAMIC have come."""

    begun: int = 0
    done: int = 0
    failed: int = 0


def branches(seen: Iterable[StepView]) -> dict[str, Fan]:
    """By the name of their fork (in its iteration) the branches that were made at run time."""
    found: dict[str, Fan] = {}
    for step in seen:
        if step.fork:
            fan = found.get(step.fork, Fan())
            found[step.fork] = Fan(
                fan.begun + 1,
                fan.done + (step.status in (*st.SUCCESSFUL, UNDONE)),
                fan.failed + (step.status in st.UNSUCCESSFUL_ENDS),
            )
    return found


def newest(steps: Sequence[Step], seen: Mapping[str, StepView]) -> Newest:
    """Of each step that one which the newest iterations of the loops around it have come to."""
    loops: dict[str, tuple[str, ...]] = {}
    _loops(steps, (), loops)
    reached: dict[tuple[str, Path], int] = {}  # a loop in an iteration of those around it
    for ref in seen:
        base, path = parted(ref, loops)
        around = loops.get(base, ())
        for depth, number in enumerate(path[: len(around)]):
            place = around[depth], path[:depth]
            reached[place] = max(reached.get(place, 0), number)
    found: dict[str, StepView] = {}
    iterations: dict[str, int] = {}
    for base, around in loops.items():
        path: Path = ()
        for loop in around:
            path = (*path, reached.get((loop, path), 0))
        step = seen.get(numbered(base, path))
        if step is not None:
            found[base] = step
        if (base, path) in reached:
            iterations[base] = reached[base, path]
    return Newest(found, iterations)


def _loops(
    steps: Sequence[Step], around: tuple[str, ...], found: dict[str, tuple[str, ...]]
) -> None:
    for step in steps:
        found[step.ref] = around
        here = (*around, step.ref) if step.type == "DO_WHILE" else around
        for inner in step.inner:
            _loops(inner, here, found)
