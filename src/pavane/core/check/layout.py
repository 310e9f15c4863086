"""A definition laid out: each step with the lists that it stands in, so that checks can look round.

Each scope (a definition in place) is a layout of its own: it sees only its own steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, cast

import msgspec

from pavane.core.model.workflow import Step, Workflow


class Place(msgspec.Struct, frozen=True, eq=False):
    """A step, the list that it stands in, and the step that holds the list."""

    step: Step
    siblings: Sequence[Step]
    index: int
    inside: Place | None = None  # the SWITCH, FORK_JOIN or DO_WHILE around the list
    branch: str = ""  # which of its lists
    number: int = 0  # in the order in which steps are written

    @property
    def ref(self) -> str:
        """The reference name of the step."""
        return self.step.ref

    @property
    def name(self) -> str:
        """The step as findings speak of it."""
        return f"Step {self.ref!r}" if self.ref else f"A {self.step.type} step without a name"

    @property
    def at(self) -> str:
        """Where it is written (`shop.py:12`), if the definition says so, or ""."""
        return written_at(self.step.metadata)

    @property
    def forked(self) -> bool:
        """Whether it is in a branch of a FORK_JOIN, so that other steps may run beside it."""
        around = self.inside
        return around is not None and (around.step.type == "FORK_JOIN" or around.forked)

    def loops(self) -> list[str]:
        """The names of the loops around it, outermost first."""
        return [
            each.inside.ref
            for each in self.chain()
            if each.inside is not None and each.inside.step.type == "DO_WHILE"
        ]

    def chain(self) -> list[Place]:
        """The place and those around it, outermost first."""
        found: list[Place] = []
        place: Place | None = self
        while place is not None:
            found.append(place)
            place = place.inside
        return found[::-1]

    def before(self) -> Step | None:
        """The step in front of it in its list."""
        return self.siblings[self.index - 1] if self.index else None

    def behind(self) -> Step | None:
        """The step behind it in its list."""
        following = self.index + 1
        return self.siblings[following] if following < len(self.siblings) else None


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: a sentence on it and on what to do, and where it is written."""

    text: str
    at: str = ""  # `shop.py:12`; "" when nobody knows


class Layout(msgspec.Struct, frozen=True, eq=False):
    """One definition, its places in the order in which they are written, and a way to find them."""

    workflow: Workflow
    places: list[Place]
    by_ref: dict[str, Place]  # the first of each name
    where: str = ""  # the scope, in front of what is found in it: "In scope 's': "
    at: str = ""  # where it is written, if the definition says so

    def tell(self, texts: Iterable[str]) -> Iterator[Finding]:
        """What was found in it, as it is told: findings begin with the name of their step."""
        places: dict[str, Place] | None = None
        for text in texts:
            if places is None:
                places = {place.name: place for place in reversed(self.places)}
            place = places.get(text.partition(": ")[0])
            at = place.at if place is not None else ""
            yield Finding(f"{self.where}{text}", at or self.at)


def written_at(metadata: Mapping[str, Any]) -> str:
    """File and line, as the workflow language notes them in metadata, or ""."""
    notes = metadata.get("pavane")
    at = cast("dict[str, Any]", notes).get("at") if isinstance(notes, dict) else ""
    return at if isinstance(at, str) else ""


def lay_out(workflow: Workflow, where: str = "", at: str = "") -> Layout:
    """The layout of a definition that is not nested too deeply."""
    places = list(_places(workflow.tasks, None, "", count()))
    by_ref: dict[str, Place] = {}
    for place in places:
        by_ref.setdefault(place.ref, place)
    return Layout(workflow, places, by_ref, where, written_at(workflow.metadata) or at)


def inner_scopes(layout: Layout) -> Iterator[Layout]:
    """The definitions that stand in place directly in this one."""
    for place in layout.places:
        param = place.step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            where = f"{layout.where}In scope {place.ref!r}: "
            yield lay_out(param.workflow_definition, where, place.at)


def lists_of(step: Step) -> Iterator[tuple[str, list[Step]]]:
    """The lists of steps that a step holds, each with its name."""
    for case, steps in step.decision_cases.items():
        yield f"case {case!r}", steps
    yield "the default case", step.default_case
    for number, steps in enumerate(step.fork_tasks, 1):
        yield f"branch {number}", steps
    if step.loop_over:
        yield "the loop", step.loop_over


def _places(
    steps: Sequence[Step], inside: Place | None, branch: str, numbers: Iterator[int]
) -> Iterator[Place]:
    for index, step in enumerate(steps):
        place = Place(step, steps, index, inside, branch, next(numbers))
        yield place
        for name, inner in lists_of(step):
            yield from _places(inner, place, name, numbers)
