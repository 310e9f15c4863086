"""An independent look at a run: what stands, what comes before what, and who was undone when.

It shares no code with the way back: it looks at the rows alone and at the definition as written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from pavane.core.check.layout import Layout, Place, lay_out
from pavane.core.decide.decider import Decision
from pavane.core.decide.nodes import UNDO
from pavane.core.model import status
from pavane.core.model.workflow import Step
from tests.unit.core.build import once, task, workflow
from tests.unit.core.world import Stored, World

_UNKNOWN = (status.TIMED_OUT, status.CANCELED)
# What drawn definitions may start and leave alone, and the tasks whose names they compute.
_OTHER = workflow(task("o", undo=True), task("o2"), name="other")
_TASKS = {
    "quick": once(),
    "slow": once(retry_count=2, retry_delay_seconds=3, response_timeout_seconds=5),
}


class Spot(NamedTuple):
    """A step of an iteration."""

    place: Place
    numbers: tuple[int, ...]


class Witness(World):
    """A world that checks each undo as it begins."""

    def __init__(self) -> None:
        super().__init__(_OTHER, tasks=_TASKS)
        self.given_up = False  # people left something as it stood: little is promised then
        self.undos = 0
        self.compared = 0  # how often one step was found to come behind another
        self._layouts: dict[str, Layout] = {}

    def _save(self, stored: Stored, decision: Decision) -> None:
        super()._save(stored, decision)
        for row in () if self.given_up else decision.new_tasks:
            if row.ref.startswith(UNDO) and row.attempt == 0:
                self.undos += 1
                self._behind_is_undone(stored, row.ref.removeprefix(UNDO))

    def _behind_is_undone(self, stored: Stored, ref: str) -> None:
        one = self._spot(stored, ref)
        for other in stored.tasks:
            if not other.startswith(UNDO) and _comes_before(one, self._spot(stored, other)):
                self.compared += 1
                assert not self.stands(stored, other), f"{ref} before {other}"

    def _spot(self, stored: Stored, ref: str) -> Spot:
        """Where a step is: its place in the definition, and the number of each loop around it."""
        newest = stored.newest(ref)
        if newest is not None and newest.branch and newest.type != "JOIN":
            made: dict[str, Any] = msgspec.json.decode(newest.branch)
            if "fork" in made:
                return self._branch(stored, ref, made)
        by_ref, numbers = self._layout(stored).by_ref, list[int]()
        while ref not in by_ref:
            ref, _, number = ref.rpartition("__")
            numbers.insert(0, int(number))
        return Spot(by_ref[ref], tuple(numbers))

    def _branch(self, stored: Stored, ref: str, made: dict[str, Any]) -> Spot:
        """A branch made at run time: a list of one step in its fork, whose undo it may share."""
        fork = self._spot(stored, made["fork"])
        step = msgspec.convert(made["step"], Step)
        if made.get("alike"):
            step = structs.replace(step, undo=fork.place.step.undo)
        step = structs.replace(step, task_reference_name=ref)
        return Spot(Place(step, [step], 0, fork.place), fork.numbers)

    def _layout(self, stored: Stored) -> Layout:
        if stored.plan.hash not in self._layouts:
            self._layouts[stored.plan.hash] = lay_out(stored.plan.workflow)
        return self._layouts[stored.plan.hash]

    def stands(self, stored: Stored, ref: str) -> bool:
        """Whether a step did something, or perhaps did, that could be undone and is not."""
        attempts = stored.tasks.get(ref, {}).values()
        step = self._spot(stored, ref).place.step
        if step.type == "FORK_JOIN_DYNAMIC":  # its undo is that of each of its branches
            return False
        undone = stored.newest(UNDO + ref)
        if undone is not None and undone.status == status.COMPLETED:
            return False
        if step.undo is None:
            children = [self.executions[row.child_id] for row in attempts if row.child_id]
            return any(self.anything_stands(child) for child in children)
        done = any(row.status == status.COMPLETED for row in attempts)
        return done or any(row.status in _UNKNOWN and row.polls for row in attempts)

    def anything_stands(self, stored: Stored) -> bool:
        """Whether a step of an execution, or of one below it, still stands."""
        return any(self.stands(stored, ref) for ref in stored.tasks if not ref.startswith(UNDO))

    def check_the_end(self, stored: Stored) -> None:
        """What an end promises."""
        ended, undos = stored.header.status, [ref for ref in stored.tasks if ref.startswith(UNDO)]
        assert ended in status.ENDED
        assert not [row for row in stored.ready.values() if not row.mark]
        if self.given_up:
            return
        if ended == status.COMPLETED:
            assert not undos
        elif ended == status.COMPENSATED:
            assert not self.anything_stands(stored)
        else:
            assert not undos
            assert not self.anything_stands(stored)


def _comes_before(one: Spot, other: Spot) -> bool:
    """Whether a step has ended before the other can begin, by the definition alone."""
    mine, its = one.place.chain(), other.place.chain()
    numbers = zip(one.numbers, other.numbers, strict=False)
    for depth, (a, b) in enumerate(zip(mine, its, strict=False)):
        sooner = a.index < b.index
        if a.ref == b.ref:
            this, that = next(numbers, (0, 0)) if a.step.type == "DO_WHILE" else (0, 0)
            if this == that:
                continue
            sooner = this < that
        elif a.siblings is not b.siblings:
            return False
        return sooner and all(_is_awaited(place) for place in mine[depth + 1 :])
    return False


def _is_awaited(place: Place) -> bool:
    fork = place.inside
    if fork is None or fork.step.type != "FORK_JOIN":
        return True
    join = fork.behind()
    return join is not None and place.siblings[-1].ref in join.join_on
