"""The way back of a scope, at its home: freeze all, undo what was reported, tell whoever asked."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.losers import OTHERS_FIRST
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node, comes_before
from pavane.core.projection.dancing.flow import Flow
from pavane.core.projection.dancing.pictures import ScopePictures
from pavane.core.projection.local import Disarm, Rang
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import ScopeRow, Undoing

STOPPED = "the enclosing execution was stopped"


class Returning(ScopePictures, Flow):
    """Freeze first, undo afterwards, in reverse causal order (rules 4, 5 and 6)."""

    # --- going back -----------------------------------------------------------------------------

    def on_fail(self, message: Message) -> None:
        """A member failed for good."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None:
            return
        if row.status == r.OPEN or self.takes_back(row, message):
            for _, _, output in message.values:  # a TERMINATE says what is left of it
                row = structs.replace(row, output=output)
            self.abort(
                path,
                generation,
                row,
                r.OWN,
                cause=message.cause,
                reason=message.reason,
                ref=self.shown(self.node(message.node), message.at),
            )
        elif row.status in r.GOING_BACK:
            self.second_cause(path, generation, row, r.OWN)
        elif row.status == r.COMMITTED:
            who = (message.node, message.at)
            if who not in row.human:
                pivot = self.shown(self.node(row.asked[0][0]), row.asked[0][1])
                reason = f"{message.reason} (behind the pivot {pivot}, so nothing can be undone)"
                row = structs.replace(
                    row,
                    human=(*row.human, who),
                    reason=reason,
                    cause=message.cause,
                    failed_ref=self.shown(self.node(message.node), message.at),
                )
                self.put_scope(path, generation, row)
                self.picture(path, generation, row)

    def takes_back(self, row: ScopeRow, message: Message) -> bool:
        """Whether the only pivot failed and promises that nothing happened, so that we can."""
        alone = row.status == r.COMMITTED and row.asked == ((message.node, message.at),)
        return alone and message.outcome != m.PERHAPS

    def second_cause(self, path: str, generation: At, row: ScopeRow, why: str) -> None:
        """One more reason to go back changes nothing but who is told at the end (rule 6)."""
        if why not in row.reasons:
            row = structs.replace(row, reasons=(*row.reasons, why))
            self.put_scope(path, generation, row)

    def scope_rang(self, event: Rang) -> None:
        """The scope's time is up; behind its pivot, or once it has ended, that changes nothing."""
        row = self.scope_row(event.node, event.at)
        if row is not None and self.may_abort(row):
            text = "the workflow's time is up"
            self.abort(event.node, event.at, row, r.OWN, cause=st.TIMED_OUT, reason=text)

    def on_stop(self, message: Message) -> None:
        """An operator cancels the execution."""
        row = self.scope_row(message.scope, message.generation)
        if row is None:  # its start is on its way, and comes too late
            row = ScopeRow(r.DEAD, cause=st.TERMINATED, reason=message.reason, begun=self.now)
            self.put_scope(message.scope, message.generation, row)
            self.picture(message.scope, message.generation, row)
        elif self.may_abort(row):
            reason = message.reason or "terminated"
            self.abort(
                message.scope, message.generation, row, r.OWN, cause=st.TERMINATED, reason=reason
            )
        else:  # refused: whoever asked sees that it was heard, and that nothing came of it
            self.picture(message.scope, message.generation, row)

    def may_abort(self, row: ScopeRow) -> bool:
        """Whether a deadline or an operator may still turn the scope back (rule 6)."""
        return row.status == r.OPEN

    def abort(
        self,
        path: str,
        generation: At,
        row: ScopeRow,
        why: str,
        *,
        cause: str,
        reason: str,
        ref: str = "",
    ) -> None:
        """Freeze all members first; nothing is undone before all have answered (rule 4)."""
        row = structs.replace(
            row,
            status=r.ABORTING,
            reasons=(*row.reasons, why) if why not in row.reasons else row.reasons,
            cause=cause,
            reason=reason,
            failed_ref=ref,
            human=tuple(who for who in row.human if self.node(who[0]).alone),
        )
        self.put_scope(path, generation, row)
        if row.deadline:
            self.do(Disarm("scope", path, generation))
        self.picture(path, generation, row)
        self._freeze_members(path, generation, reason)

    def _freeze_members(self, path: str, generation: At, reason: str) -> None:
        for member in self.choreography.scopes[path].members:
            self.send(m.FREEZE, member, path, generation, reason=reason)

    def _revert(self, path: str, generation: At, row: ScopeRow, why: str) -> None:
        """A scope that ended well is undone: freeze asks its members what ran."""
        told = "the enclosing execution is undone" if why == r.BY_UNDO else row.reason
        row = structs.replace(row, status=r.REVERTING, reason=told, reasons=(*row.reasons, why))
        self.put_scope(path, generation, row)
        self.picture(path, generation, row)
        self._freeze_members(path, generation, row.reason)

    def on_frozen(self, message: Message) -> None:
        """A member is still, and says what it has done."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or row.status not in r.GOING_BACK or message.sender in row.answered:
            return
        found = tuple(Undoing(line.node, line.at) for line in message.report)
        before = row
        row = structs.replace(
            row, answered=(*row.answered, message.sender), left=(*row.left, *found)
        )
        self.put_scope(path, generation, row)
        self.picture(path, generation, row)
        self.step_undo_begins(path, generation, before, row)
        if self.may_undo(path, row):
            self.wave(path, generation)

    def may_undo(self, path: str, row: ScopeRow) -> bool:
        """Every member has answered (rule 4)."""
        return len(row.answered) >= len(self.choreography.scopes[path].members)

    def wave(self, path: str, generation: At) -> None:
        """Ask for every undo that nothing left waits for; when nothing is left, it is over."""
        row = self.scope_row(path, generation)
        assert row is not None
        last: dict[tuple[str, At], Undoing] = {}
        for line in row.left:
            others = self._spoken_for(line)
            if others not in last or last[others].at < line.at:
                last[others] = line
        apart = last.values()
        due = {
            line: None
            for line in row.left
            if not line.sent and not any(self.must_wait(line, other) for other in apart)
        }
        if due:
            left = tuple(
                structs.replace(line, sent=True) if line in due else line for line in row.left
            )
            self.put_scope(path, generation, structs.replace(row, left=left))
            for line in due:
                there = self.node(line.node)
                self.send(m.UNDO, there.role, path, generation, node=line.node, at=line.at)
        elif not row.left:
            self._finish(path, generation, row)

    def _spoken_for(self, line: Undoing) -> tuple[str, At]:
        """Those of which the last one speaks for all: whoever comes before any comes before it.

        They are the iterations of a step, and the items of a for-each, which stand in the same
        order to all others.
        """
        node = self.node(line.node)
        regions = node.regions[:-1] if node.stem else node.regions
        coordinates = zip(line.at, regions, strict=False)
        return line.node, tuple(at for at, region in coordinates if region.kind == "each")

    def must_wait(self, line: Undoing, other: Undoing) -> bool:
        """Whether the other was caused by this one, so that it is undone before it (rule 5)."""
        one, two = (line.node, line.at), (other.node, other.at)
        return one != two and comes_before(self.choreography, one, two)

    def on_undone(self, message: Message) -> None:
        """A step or a child scope is undone."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or row.status not in r.GOING_BACK:
            return
        who = (message.node, message.at)
        if not any((line.node, line.at) == who for line in row.left):
            return
        before = row
        row = structs.replace(
            row,
            left=tuple(line for line in row.left if (line.node, line.at) != who),
            human=tuple(each for each in row.human if each != who),
            undone=row.undone or message.something,
        )
        self.put_scope(path, generation, row)
        if row.human != before.human:
            self._hand_on_human(path, generation, settled=True)
        if not row.abandoned:
            self.picture(path, generation, row)
            self.step_undo_begins(path, generation, before, row)
            self.wave(path, generation)

    def on_human(self, message: Message) -> None:
        """An undo gave up: stay open, and let people see it; or somebody has settled it."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or row.abandoned:
            return
        who = (message.node, message.at)
        without = tuple(each for each in row.human if each != who)
        if message.outcome == "settled":
            row = structs.replace(row, human=without)
        elif self._may_wait(row, who):
            row = structs.replace(row, human=(*without, who))
        else:
            return
        self.put_scope(path, generation, row)
        self.picture(path, generation, row)
        self._hand_on_human(path, generation, settled=message.outcome == "settled")

    def _may_wait(self, row: ScopeRow, who: tuple[str, At]) -> bool:
        """Whether an undo that gave up is one of this scope: a loser's is beside the flow."""
        asked = row.status in r.GOING_BACK and any((u.node, u.at) == who for u in row.left)
        return asked or (row.status in r.SCOPE_MOVING and self.node(who[0]).alone)

    def _hand_on_human(self, path: str, generation: At, *, settled: bool) -> None:
        """What waits in a step that is a scope is seen where the step is."""
        scope = self.choreography.scopes[path]
        if scope.alone:
            outer = self.choreography.scopes[scope.parent]
            where = generation[: outer.depth]
            outcome = "settled" if settled else ""
            self.send(
                m.HUMAN, outer.home, outer.path, where, node=path, at=generation, outcome=outcome
            )

    def let_resolve(self, message: Message) -> None:
        """Only what waits for a person is settled: its home knows that, its owner settles it."""
        row = self.scope_row(message.scope, message.generation)
        node = self.node(message.node)
        if row is None or (message.node, message.at) not in row.human or node.kind == "end":
            return
        self.send(
            m.RESOLVE,
            node.role,
            message.scope,
            message.generation,
            node=message.node,
            at=message.at,
            values=message.values,
            outcome=message.outcome,
        )

    def abandon(self, message: Message) -> None:
        """A person gives the scope up as it stands."""
        path, generation = message.scope, message.generation
        row = self.scope_row(path, generation)
        if row is None or not row.human:
            return
        if row.status not in r.GOING_BACK:  # what goes on stops, and nobody is asked to undo
            row = structs.replace(
                row,
                status=r.ABORTING,
                reasons=(*row.reasons, r.OWN),
                cause=row.cause or st.FAILED,
                reason=row.reason or "given up by a person",
            )
            self.put_scope(path, generation, row)
            self._freeze_members(path, generation, row.reason)
        row = structs.replace(row, left=(), human=(), abandoned=True)
        self._finish(path, generation, row)

    # --- as seen from the parent ----------------------------------------------------------------

    def undo_scope(self, node: Node, at: At) -> None:
        """The home around it wants the child undone."""
        row = self.scope_row(node.child, at)
        if row is not None and row.status == r.CLOSED:
            self._revert(node.child, at, row, r.BY_UNDO)
        elif row is not None and row.status in r.GOING_BACK:  # a loser, on its way back already
            self.second_cause(node.child, at, row, r.BY_UNDO)
        elif row is None or row.status in (r.ABORTED, r.REVERTED, r.DEAD):
            self._answer_undo(node.child, at, something=row is not None and row.undone)

    def undo_root(self) -> None:
        """The whole ended well, and is undone because it is a step of something else."""
        row = self.scope_row("", ())
        if row is not None and row.status == r.CLOSED:
            self._revert("", (), row, r.BY_UNDO)

    def _answer_undo(self, path: str, generation: At, *, something: bool) -> None:
        outer = self.choreography.scopes[self.choreography.scopes[path].parent]
        where = generation[: outer.depth]
        self.send(
            m.UNDONE,
            outer.home,
            outer.path,
            where,
            node=path,
            at=generation,
            something=something,
        )

    def on_cancel(self, message: Message) -> None:
        """The branch has lost: undo whatever it is (rule 11), or never begin (rule 1)."""
        node, at = self.node(message.node), message.at
        row = self.scope_row(node.child, at)
        if row is None:
            self.put_scope(node.child, at, ScopeRow(r.DEAD, begun=self.now))
            if node.alone:
                self.note(node, at, 0, st.CANCELED, reason=OTHERS_FIRST)
            self._answer_cancel(node, at)
        elif row.status in (r.OPEN, r.LOCKED):
            reason = OTHERS_FIRST if node.alone else f"{STOPPED}: {OTHERS_FIRST}"
            self.abort(node.child, at, row, r.BY_CANCEL, cause=st.TERMINATED, reason=reason)
        elif row.status == r.CLOSED:
            self._revert(node.child, at, row, r.BY_CANCEL)
        elif row.status in (r.CLOSING, *r.GOING_BACK):
            self.second_cause(node.child, at, row, r.BY_CANCEL)
        elif row.status in (r.ABORTED, r.REVERTED, r.DEAD):
            self._answer_cancel(node, at)

    def _answer_cancel(self, node: Node, at: At) -> None:
        gate = self.node(node.gate)
        generation = self.generation(node, at)
        self.send(m.CANCELLED, gate.role, node.scope, generation, node=node.id, at=at)

    def _finish(self, path: str, generation: At, row: ScopeRow) -> None:
        """Everything is undone: tell everybody who gave a reason."""
        over = r.ABORTED if row.status == r.ABORTING else r.REVERTED
        row = structs.replace(row, status=over)
        self.put_scope(path, generation, row)
        self.picture(path, generation, row)
        if not path:
            return
        node = self.node(path)
        if over == r.ABORTED:
            self.step_aborted(path, generation, row)
        for why in row.reasons:
            if why == r.OWN:
                self._aborted_by_itself(node, generation, row)
            elif why == r.BY_CANCEL:
                self._answer_cancel(node, generation)
            elif why == r.BY_UNDO:
                self.step_undone(path, generation, row)
                self._answer_undo(path, generation, something=row.undone)
        self._answer_outside(path, generation)

    def _aborted_by_itself(self, node: Node, at: At, row: ScopeRow) -> None:
        scope = self.choreography.scopes[node.child]
        if scope.on_abort == "fail":
            status = st.TIMED_OUT if row.cause == st.TIMED_OUT else st.FAILED
            if row.cause == st.TERMINATED:
                status = st.CANCELED
            self.fail(node, at, status, row.reason)
        elif not self.is_frozen(node.scope, self.generation(node, at)):
            if scope.on_abort == "branch":
                told = self.with_name(node, at, row.reason or st.FAILED.lower())
                self.token(node, at, node.gate, outcome=m.FAILED, reason=told)
            else:
                self.go_on(node, at, missed=row.reason or st.COMPLETED_WITH_ERRORS)

    def _answer_outside(self, path: str, generation: At) -> None:
        """The scope does not move any more: this role may have a freeze to answer around it."""
        outer = self.choreography.scopes[self.choreography.scopes[path].parent]
        self.answer_if_still(outer.path, generation[: outer.depth])
