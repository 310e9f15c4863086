"""Dancers that break one rule each (abort-protocol, section 4); exploration catches every one."""

from __future__ import annotations

from msgspec import structs

from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node, Scope
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.local import Rang
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import (
    FreezeRow,
    GateRow,
    Key,
    Row,
    ScopeRow,
    StepRow,
    Undoing,
)


class Unchecked(Dancer):
    """Without the tables of legal changes, which catch some of the mutants by themselves."""

    def put_step(self, node: Node, at: At, row: StepRow) -> StepRow:
        self.changed[self.key(node, at, "step")] = row
        return row

    def put_scope(self, path: str, generation: At, row: ScopeRow) -> ScopeRow:
        self.changed[self.scope_key(path, generation)] = row
        return row


class NoTombstone(Dancer):
    """R1: what comes after the freeze begins all the same."""

    def is_frozen(self, path: str, generation: At) -> bool:
        del path, generation
        return False


class RunningIsStill(Dancer):
    """R2: the answer does not wait for attempts that are at work."""

    def moves(self, row: Row) -> bool:
        return super().moves(row) and not (isinstance(row, StepRow) and row.status == r.RUNNING)


class OpenScopeIsStill(Dancer):
    """R2: the answer does not wait for child scopes."""

    def moves(self, row: Row) -> bool:
        return super().moves(row) and not isinstance(row, ScopeRow)


class LateIsStill(Dancer):
    """R3: an attempt whose time is up is taken for failed, though it may still succeed."""

    def moves(self, row: Row) -> bool:
        return super().moves(row) and not (isinstance(row, StepRow) and row.status == r.LATE)


class UnknownIsNothing(Dancer):
    """R3: an attempt that was never heard of again is taken for failed."""

    def stands(self, key: Key, row: Row) -> bool:
        unknown = isinstance(row, StepRow) and row.status == r.UNKNOWN
        return super().stands(key, row) and not unknown


class UndoesAtOnce(Dancer):
    """R4: what a member reports is undone before the others are frozen."""

    def may_undo(self, path: str, row: ScopeRow) -> bool:
        return bool(row.left) or super().may_undo(path, row)


class UndoesAllTogether(Dancer):
    """R5: no order among the undos."""

    def must_wait(self, line: Undoing, other: Undoing) -> bool:
        del line, other
        return False


class DeadlineBehindPivot(Dancer):
    """R6: a deadline turns a scope back that is committed."""

    def may_abort(self, row: ScopeRow) -> bool:
        return row.status in (r.OPEN, r.COMMITTED)


class DeadlineAfterClose(Unchecked):
    """R6: a deadline turns a scope back that has ended well."""

    def may_abort(self, row: ScopeRow) -> bool:
        return row.status in (r.OPEN, r.CLOSED)


class StartsAbortAgain(Dancer):
    """R6: a second cause begins the abort anew, and the answers are spent."""

    def second_cause(self, path: str, generation: At, row: ScopeRow, why: str) -> None:
        if why == r.OWN:
            again = structs.replace(row, answered=(), left=())
            self.abort(path, generation, again, why, cause=st.FAILED, reason="again")
        else:
            super().second_cause(path, generation, row, why)


class PivotDoesNotAsk(Dancer):
    """R7: a pivot is a step like any other."""

    def asks_first(self, node: Node) -> bool:
        del node
        return False


class AsksOneHomeOnly(Dancer):
    """R8: the home of a nested scope lets a pivot pass by itself."""

    def asks_outwards(self, path: str) -> bool:
        del path
        return False


class DoorStaysOpen(Dancer):
    """R9: a home that has asked outwards may still be turned back from inside.

    Harmless as long as the home around it takes back what it has let pass for this child alone.
    """

    def while_asking(self) -> str:
        return r.OPEN


class DoorStaysOpenForGood(DoorStaysOpen):
    """R9, where nobody takes a pivot back, as on the page."""

    def takes_back(self, row: ScopeRow, message: Message) -> bool:
        del row, message
        return False


class ClosesOverLosers(Dancer):
    """R10: the end does not wait for the losers of any-joins."""

    def waits_for_losers(self, scope: Scope) -> bool:
        del scope
        return False


class DoneLoserStays(Dancer):
    """R11: a losing branch that is done already says that it is cancelled, and stands."""

    def on_cancel(self, message: Message) -> None:
        node = self.node(message.node)
        row = self.scope_row(node.child, message.at)
        if row is not None and row.status == r.CLOSED:
            self._answer_cancel(node, message.at)
        else:
            super().on_cancel(message)


class NoRowGuard(Unchecked):
    """R12: the same token again begins the step again."""

    def has_begun(self, node: Node, at: At) -> bool:
        del node, at
        return False


class ItemsShareARow(Dancer):
    """R13: iterations and items are not told apart."""

    def item_at(self, at: At, index: int) -> At:
        del index
        return (*at, 1)


class FrozenForAllGenerations(Dancer):
    """R14: the tombstone does not say of which instance of the scope it is."""

    def freeze_row(self, path: str, generation: At) -> FreezeRow | None:
        del generation
        return super().freeze_row(path, ())

    def put_freeze(self, path: str, generation: At, row: FreezeRow) -> FreezeRow:
        del generation
        return super().put_freeze(path, (), row)


class LeastCount(Dancer):
    """R15: the join of a for-each does not wait for the number to be announced."""

    def each_here(self, row: GateRow) -> bool:
        return any(arrival.outcome != m.COUNT for arrival in row.arrivals) or row.count == 0


class SilentWay(Dancer):
    """R16: a way without steps sends nothing."""

    def take_way(self, node: Node, at: At, target: str) -> None:
        if target != node.default:
            super().take_way(node, at, target)


class FailedUndoCounts(Dancer):
    """R17: an undo that failed counts as undone."""

    def undo_failed(self, node: Node, at: At, row: StepRow, status: str, reason: str) -> None:
        del status, reason
        self.undo_succeeded(node, at, row)


# --- beyond the page: rules that exploration of this code has shown -----------------------------


class LoserDeafToUndo(Dancer):
    """A loser that is going back does not hear that its parent wants it undone too."""

    def undo_scope(self, node: Node, at: At) -> None:
        row = self.scope_row(node.child, at)
        if row is None or row.status not in r.GOING_BACK:
            super().undo_scope(node, at)


class PerhapsTakesBack(Dancer):
    """A pivot whose time is up is taken for one that failed for certain."""

    def takes_back(self, row: ScopeRow, message: Message) -> bool:
        return super().takes_back(row, structs.replace(message, outcome=""))


class OptionalNotWaitedFor(Dancer):
    """The flow goes on behind an optional step that is late while it may still act."""

    def deadline_rang(self, event: Rang) -> None:
        super().deadline_rang(event)
        node = self.node(event.node)
        row = self.step_row(node, event.at)
        if node.optional and row is not None and row.status == r.LATE:
            self.go_on(node, event.at)


class SilentDeadLetter(Dancer):
    """A dead letter is declared, but not written down at the step: the token may come after all.

    Harmless (as on the page) but for a pivot, which is taken back because it failed for certain.
    """

    def miss_step(self, node: Node, at: At) -> None:
        if not self.has_begun(node, at):
            self.fail(node, at, st.FAILED, r.NEVER_CAME)


# --- loops --------------------------------------------------------------------------------------


class AgainTwice(Unchecked):
    """R12: the same end of an iteration is decided upon again."""

    def has_begun(self, node: Node, at: At) -> bool:
        return node.kind != "again" and super().has_begun(node, at)


class IterationsShareARow(Dancer):
    """R13: the second iteration of a loop finds the rows of the first."""

    def item_at(self, at: At, index: int) -> At:
        return (*at, min(index, 1)) if self.ended else super().item_at(at, index)


class OneGenerationInLoops(Dancer):
    """R14: the row of a scope that is begun again in a loop is the one of the first time."""

    def scope_key(self, path: str, generation: At) -> Key:
        return super().scope_key(path, (1,) * len(generation))


class WaitsAtFirstOnly(Dancer):
    """Data from in front of a loop wake who waits for them in its first iteration only."""

    def places(self, node: Node, message: Message) -> list[At]:
        at = message.at[: node.depth]
        return [at + (1,) * (node.depth - len(at))]
