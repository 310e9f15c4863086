"""Where each step stands in a workflow: in which list, behind which step, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pavane.core.model.workflow import CHOICES, Step, Workflow


class List(NamedTuple):
    """A list of steps: the step that holds it ("" for the workflow's own), and which of its lists.

    A branch of a fork is called after its first step: branches have no names of their own.
    """

    inside: str
    label: str
    kind: str  # type of the step that holds it


class Places:
    """The steps of one workflow by name, each with the list that it stands in."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.list_of: dict[str, List] = {}
        self.lists: dict[List, list[str]] = {}

    @classmethod
    def of(cls, workflow: Workflow) -> Places:
        """Those of the workflow; a scope in place is another workflow."""
        places = cls()
        places._add(List("", "", ""), workflow.tasks)
        return places

    def _add(self, where: List, steps: list[Step]) -> None:
        self.lists[where] = [step.ref for step in steps]
        for step in steps:
            self.steps[step.ref], self.list_of[step.ref] = step, where
            for label, inner in _inner(step):
                self._add(List(step.ref, label, step.type), inner)

    def before(self, ref: str) -> str:
        """The step in front of one in its list, or ""."""
        siblings = self.lists[self.list_of[ref]]
        at = siblings.index(ref)
        return siblings[at - 1] if at else ""

    def after(self, ref: str) -> str:
        """The next step in its list, or ""."""
        siblings = self.lists[self.list_of[ref]]
        at = siblings.index(ref) + 1
        return siblings[at] if at < len(siblings) else ""

    def behind(self, ref: str) -> tuple[str, str]:
        """What follows a step, out of choices if need be; or "" and what ends there instead."""
        following, where = self.after(ref), self.list_of[ref]
        while not following:
            if where.kind not in CHOICES:
                return "", where.inside
            following, where = self.after(where.inside), self.list_of[where.inside]
        return following, ""

    def around(self, ref: str) -> Iterator[str]:
        """The steps around one, the innermost first."""
        while ref := self.list_of[ref].inside:
            yield ref


def _inner(step: Step) -> Iterator[tuple[str, list[Step]]]:
    yield from ((f"case {case!r}", inner) for case, inner in step.decision_cases.items())
    if step.type in CHOICES:
        yield "default case", step.default_case
    yield from ((f"branch of {b[0].ref!r}", b) for b in step.fork_tasks if b)
    if step.loop_over:
        yield "body", step.loop_over
