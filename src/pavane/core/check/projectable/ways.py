"""How two steps of a definition stand to each other on the ways that a run can take."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from pavane.core.check.layout import Layout, Place, lists_of
from pavane.core.decide.looped import is_listed
from pavane.core.model.workflow import CHOICES, Step

Relation = Literal["same", "inside", "around", "before", "after", "beside", "apart"]


class Ways:
    """The order of the steps of one layout, forks and ends of the run taken into account."""

    def __init__(self, layout: Layout) -> None:
        self._stops: dict[int, list[int]] = {}  # by list: where in it every run ends
        self._note(layout.workflow.tasks)

    def relation(self, one: Place, other: Place) -> Relation:
        """How `other` stands to `one`: "after" runs behind it, "apart" never in the same run."""
        a, b = one.chain(), other.chain()
        depth = _shared(a, b)
        if depth == len(a):
            return "same" if depth == len(b) else "inside"
        if depth == len(b):
            return "around"
        mine, its = a[depth], b[depth]
        if mine.siblings is not its.siblings:
            around = mine.inside
            assert around is not None
            return "beside" if around.step.type == "FORK_JOIN" else "apart"
        if its.index > mine.index:
            return "after" if self._leads(a, b, depth) else "apart"
        return "before" if self._leads(b, a, depth) else "apart"

    def surely_before(self, one: Place, other: Place) -> bool:
        """Whether `one` has run, whatever was chosen, when `other` begins."""
        if self.relation(other, one) != "before":
            return False
        chain = one.chain()
        inner = chain[_shared(chain, other.chain()) + 1 :]
        return not any(place.inside and may_skip(place.inside.step) for place in inner)

    def may_follow(self, one: Place, other: Place) -> str:
        """Where `other` may run when `one` has begun: "behind" it, "beside" it, or in a later

        iteration of a loop around both; "" if it is over by then, or never runs.
        """
        relation = self.relation(one, other)
        if relation in ("after", "beside"):
            return "behind" if relation == "after" else "beside"
        shared = [loop for loop in one.loops() if loop in other.loops()]
        return f"in a later iteration of {shared[-1]!r} than" if shared else ""

    def _leads(self, a: list[Place], b: list[Place], depth: int) -> bool:
        """Whether a run comes from the last of `a` to the last of `b`, which is written later."""
        last = len(a) - 1
        begin = a[depth].index + (depth != last)
        if self._stopped(a[depth].siblings, begin, b[depth].index):
            return False
        for level in range(depth + 1, len(a)):
            place = a[level]
            begin = place.index + (level != last)
            if self._stopped(place.siblings, begin, len(place.siblings)):
                return False
        return not any(self._stopped(place.siblings, 0, place.index) for place in b[depth + 1 :])

    def _stopped(self, steps: Sequence[Step], begin: int, end: int) -> bool:
        """Whether a run ends at one of these steps."""
        stops = self._stops[id(steps)]
        first = bisect_left(stops, begin)
        return first < len(stops) and stops[first] < end

    def _note(self, steps: Sequence[Step]) -> bool:
        stops = [index for index, step in enumerate(steps) if self._ends(step)]
        self._stops[id(steps)] = stops
        return bool(stops)

    def _ends(self, step: Step) -> bool:
        """Whether no run goes on behind the step."""
        if step.type == "TERMINATE":
            return True
        ended = [self._note(steps) for _, steps in lists_of(step)]
        if step.type in CHOICES:
            return all(self._stops[id(steps)] for steps in ways_of(step))
        return step.type == "FORK_JOIN" and any(ended)


def may_skip(step: Step) -> bool:
    """Whether what a step holds may never run: another case is taken, or a list is empty."""
    return step.type in CHOICES or (step.type == "DO_WHILE" and is_listed(step))


def ways_of(choice: Step) -> list[list[Step]]:
    """The lists of which a choice takes one; in a DECISION a case without steps is none."""
    cases = choice.decision_cases.values()
    return [*(steps for steps in cases if steps or choice.type == "SWITCH"), choice.default_case]


def surely_met(join: Place) -> bool:
    """Whether some step that an EXCLUSIVE_JOIN looks at has run, however the flow came to it."""
    names = {*join.step.join_on, *join.step.default_exclusive_join_task}
    return any(_comes_by(place.siblings[: place.index], names) for place in join.chain())


def _comes_by(steps: Sequence[Step], names: set[str]) -> bool:
    """Whether every run that comes behind these steps has come by one of those named."""
    return any(
        step.ref in names
        or step.type == "TERMINATE"
        or (step.type in CHOICES and all(_comes_by(way, names) for way in ways_of(step)))
        for step in steps
    )


def _shared(a: list[Place], b: list[Place]) -> int:
    depth = 0
    while depth < len(a) and depth < len(b) and a[depth] is b[depth]:
        depth += 1
    return depth
