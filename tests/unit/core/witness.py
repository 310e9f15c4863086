"""An independent look at a run: what stands, what comes before what, and who was undone when.

It shares no code with the way back: it looks at the rows alone and at the definition as written.
"""

from __future__ import annotations

from pavane.core.check.layout import Layout, Place, lay_out
from pavane.core.decide.decider import Decision
from pavane.core.decide.nodes import UNDO
from pavane.core.model import status
from tests.unit.core.world import Stored, World

_UNKNOWN = (status.TIMED_OUT, status.CANCELED)


class Witness(World):
    """A world that checks each undo as it begins."""

    def __init__(self) -> None:
        super().__init__()
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
        layout = self._layout(stored)
        place = layout.by_ref[ref]
        for other in layout.places:
            if _comes_before(place, other):
                self.compared += 1
                assert not self.stands(stored, other.ref), f"{ref} before {other.ref}"

    def _layout(self, stored: Stored) -> Layout:
        if stored.header.id not in self._layouts:
            self._layouts[stored.header.id] = lay_out(stored.plan.workflow)
        return self._layouts[stored.header.id]

    def stands(self, stored: Stored, ref: str) -> bool:
        """Whether a step did something, or perhaps did, that could be undone and is not."""
        attempts = stored.tasks.get(ref, {}).values()
        step = self._layout(stored).by_ref[ref].step
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
        return any(self.stands(stored, place.ref) for place in self._layout(stored).places)

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


def _comes_before(one: Place, other: Place) -> bool:
    """Whether a step has ended before the other can begin, by the definition alone."""
    mine, its = one.chain(), other.chain()
    for depth, (a, b) in enumerate(zip(mine, its, strict=False)):
        if a.ref == b.ref:
            continue
        if a.siblings is not b.siblings or a.index >= b.index:
            return False
        return all(_is_awaited(place) for place in mine[depth + 1 :])
    return False


def _is_awaited(place: Place) -> bool:
    fork = place.inside
    if fork is None or fork.step.type != "FORK_JOIN":
        return True
    join = fork.behind()
    return join is not None and place.siblings[-1].ref in join.join_on
