"""The branches that a JOIN with a `joinCount` goes on without: stopped, and what they did undone.

A branch is one step, so its way back does not walk the graph: it is one undo, or that of its child.
Its fork goes through the branches a page at a time, and is over when it has seen to all.
"""

from __future__ import annotations

from pavane.core.decide import flow, races, undo
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.model import status
from pavane.core.model.command import Close, Interrupt, Tell, Wait
from pavane.core.model.fact import AbortedByParent
from pavane.core.model.rows import PAGE, TaskRow

OTHERS_FIRST = "other branches were done first"


def page(draft: Draft, fork: Node, row: TaskRow) -> None:
    """See to the next page of branches; the row's `polls` says how far it has come."""
    upto = min(row.polls + PAGE, row.count)
    refs = [first for first, _ in fork.branches[row.polls : upto]]
    draft.require([("task", ref) for ref in refs])
    for ref in refs:
        branch, node = draft.task(ref), draft.plan.nodes[ref]
        if branch is not None and races.has_lost(draft, node):
            _see_to(draft, node, branch)
    if upto < row.count:
        row = draft.change(row, polls=upto)
        draft.do(Wait(row.ref, row.attempt, alarm_at=draft.now))
        return
    row = draft.change(row, status.COMPLETED, polls=upto, ended_at=draft.now)
    draft.do(Close(row.ref))
    draft.log("completed", row.ref, row.attempt)
    races.count(draft, -1)


def _see_to(draft: Draft, node: Node, row: TaskRow) -> None:
    if row.frontier:  # it ended by itself meanwhile, and was seen to
        return
    if row.status not in status.OPEN:
        races.lost(draft, row)
        return
    if row.status == status.IN_PROGRESS and (row.worker or row.child_id):
        draft.change(row, frontier=True)
        races.count(draft, 1)
        if row.worker:
            draft.do(Interrupt(row.ref, row.attempt, row.worker))
        else:
            draft.do(Tell(row.child_id, AbortedByParent(reason=OTHERS_FIRST)))
        return
    row = draft.change(row, status.CANCELED, reason=OTHERS_FIRST, ended_at=draft.now)
    draft.log("canceled", row.ref, row.attempt, reason=OTHERS_FIRST)
    flow.end_loser(draft, node, row)


def take_back(draft: Draft, ref: str) -> None:
    """Undo what a loser did."""
    row = draft.task(ref)
    assert row is not None
    undo.begin_undo(draft, draft.plan.nodes[ref], row)
