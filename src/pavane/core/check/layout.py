"""A definition laid out: each step with the lists that it stands in, so that checks can look round.

Each scope (a definition in place) is a layout of its own: it sees only its own steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pavane.core.model.workflow import Step, Workflow


class Place(msgspec.Struct, frozen=True, eq=False):
    """A step, the list that it stands in, and the step that holds the list."""

    step: Step
    siblings: Sequence[Step]
    index: int
    inside: Place | None = None  # the SWITCH or FORK_JOIN around the list
    branch: str = ""  # which of its lists

    @property
    def ref(self) -> str:
        """The reference name of the step."""
        return self.step.ref

    @property
    def name(self) -> str:
        """The step as findings speak of it."""
        return f"Step {self.ref!r}" if self.ref else f"A {self.step.type} step without a name"

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


class Layout(msgspec.Struct, frozen=True, eq=False):
    """One definition, its places in the order in which they are written, and a way to find them."""

    workflow: Workflow
    places: list[Place]
    by_ref: dict[str, Place]  # the first of each name
    where: str = ""  # the scope, in front of what is found in it: "In scope 's': "


def lay_out(workflow: Workflow, where: str = "") -> Layout:
    """The layout of a definition that is not nested too deeply."""
    places = list(_places(workflow.tasks, None, ""))
    by_ref: dict[str, Place] = {}
    for place in places:
        by_ref.setdefault(place.ref, place)
    return Layout(workflow, places, by_ref, where)


def inner_scopes(layout: Layout) -> Iterator[Layout]:
    """The definitions that stand in place directly in this one."""
    for place in layout.places:
        param = place.step.sub_workflow_param
        if param is not None and param.workflow_definition is not None:
            yield lay_out(param.workflow_definition, f"{layout.where}In scope {place.ref!r}: ")


def lists_of(step: Step) -> Iterator[tuple[str, list[Step]]]:
    """The lists of steps that a step holds, each with its name."""
    for case, steps in step.decision_cases.items():
        yield f"case {case!r}", steps
    yield "the default case", step.default_case
    for number, steps in enumerate(step.fork_tasks, 1):
        yield f"branch {number}", steps


def _places(steps: Sequence[Step], inside: Place | None, branch: str) -> Iterator[Place]:
    for index, step in enumerate(steps):
        place = Place(step, steps, index, inside, branch)
        yield place
        for name, inner in lists_of(step):
            yield from _places(inner, place, name)
