"""The end of forward progress: freeze or sweep what is open, then end or turn round."""

from __future__ import annotations

from pavane.core.decide import admission, ending, flow, phases, races, undo
from pavane.core.decide.draft import Draft, Failure, encode
from pavane.core.decide.nodes import UNDO, Node
from pavane.core.model import status
from pavane.core.model.command import Close, Interrupt, StartFailureWorkflow, Tell
from pavane.core.model.fact import AbortedByParent, ChildUndone
from pavane.core.model.ids import child_id
from pavane.core.model.rows import Ready, TaskRow

UNDONE_BY_PARENT = "UNDO"


def abort(draft: Draft, failure: Failure) -> None:
    """Forward progress is over: undo, or end at once, or (behind a pivot) ask a person."""
    header = draft.header
    cause, reason, row = failure
    if header.phase == phases.QUEUED:
        header.phase = phases.FORWARD
        admission.hold(draft)
    flow.give_up_agenda(draft)
    if row is not None:
        flow.mark_frontier(draft, row)
    ended_by, header.ended_by = header.ended_by, ""
    if ended_by and (row is None or row.ref != ended_by):
        last = draft.task(ended_by)
        assert last is not None
        flow.mark_frontier(draft, last)
    header.cause, header.reason = cause, reason
    header.failed_ref = row.ref if row else ""
    if row is not None and row.ref == ended_by and header.permissive_failure:
        header.failed_ref = header.permissive_failure
    if header.pivot_passed:
        header.reason = f"{reason} (behind the pivot {header.pivot}, so nothing can be undone)"
        header.parked += 1
        header.phase, header.cursor = phases.FORWARD, ""
        draft.become(status.NEEDS_ATTENTION)
    elif header.undoable + header.undoable_open == 0:
        end(draft, cause)
    else:
        if not header.parked:  # the undo of a branch that lost a race may wait for a person
            draft.become(status.COMPENSATING)
        flow.begin_pass(draft, phases.FREEZING)


def end(draft: Draft, final: str) -> None:
    """The run has ended without success; what is still open is closed page by page."""
    header = draft.header
    draft.become(final)
    broken_off = header.phase in phases.GOING_BACK and final != status.COMPENSATED
    if broken_off:
        header.ended_by = UNDO  # part of it is undone, so there is no going on from here
    header.phase = phases.FORWARD
    if header.open or broken_off:
        flow.begin_pass(draft, phases.SWEEPING)
    failure_workflow = draft.plan.workflow.failure_workflow
    if failure_workflow and header.cause != UNDONE_BY_PARENT:
        _start_failure_workflow(draft, failure_workflow)
    if header.cause != UNDONE_BY_PARENT:
        # A TERMINATE left it, perhaps in an earlier decision.
        ending.tell_parent(draft, (draft.value("output") if header.parent_id else None) or b"{}")
    elif header.parent_id:
        _tell_undone(draft, final == status.COMPENSATED)


def _tell_undone(draft: Draft, undone: bool) -> None:
    header = draft.header
    ref, _, _ = header.parent_ref.rpartition("#")
    draft.do(Tell(header.parent_id, ChildUndone(ref, undone, header.reason)))


def undo_completed(draft: Draft) -> None:
    """A run that completed is undone because the one that started it is."""
    header = draft.header
    if header.status != status.COMPLETED:
        if header.status in status.ENDED:  # its people gave it up: it stays as it stands
            _tell_undone(draft, header.status == status.COMPENSATED)
        return
    header.cause, header.reason = UNDONE_BY_PARENT, "the enclosing execution is undone"
    draft.become(status.COMPENSATING)
    admission.hold(draft)
    last = draft.task(header.ended_by)
    assert last is not None
    flow.mark_frontier(draft, last)
    # What a TERMINATE broke off is frozen first, so that the way back starts there as well.
    broken_off = header.open or last.type == "TERMINATE"
    flow.begin_pass(draft, phases.FREEZING if broken_off else phases.UNDOING)


def settled(draft: Draft, row: TaskRow) -> None:
    """An attempt ended while the execution is being frozen: the way back starts behind it."""
    node = draft.node(row.ref)
    if races.has_lost(draft, node):
        _loser_settled(draft, node, row)
        return
    row = flow.note_unknown(draft, node, row)
    done = row.status in status.SUCCESSFUL
    if done and node.undo is not None:
        row = draft.change(row, undoable=True)
    draft.header.undoable += row.undoable
    if node.step.pivot and done:
        flow.pass_pivot(draft)
    elif node.step.pivot:
        flow.pivot_failed(draft)
    draft.log("settled", row.ref, row.attempt, status=row.status)
    passed_over = node.step.permissive and not done and row.status != status.CANCELED
    if passed_over:
        draft.header.permissive_failure = draft.header.permissive_failure or row.ref
    if done or passed_over:
        flow.arrive(draft, node, row)
    flow.mark_frontier(draft, row)


def _loser_settled(draft: Draft, node: Node, row: TaskRow) -> None:
    if row.status in status.SUCCESSFUL:
        flow.completed(draft, node, row)
    else:
        draft.log("settled", row.ref, row.attempt, status=row.status)
        flow.end_loser(draft, node, row)


def run_pass(draft: Draft) -> None:
    """One page of the pass that the phase asks for."""
    header = draft.header
    page = draft.page(header.cursor)
    draft.require([("task", ready.ref) for ready in page.rows])
    for ready in page.rows:
        if header.phase == phases.FREEZING:
            _freeze(draft, ready)
        elif header.phase == phases.SWEEPING:
            _sweep(draft, ready)
        elif ready.mark == "frontier":  # UNDOING
            draft.do(Close(ready.ref))
            undo.back_from(draft, ready.ref)
    if page.next:
        header.cursor = page.next
    else:
        header.cursor = ""
        header.phase = {
            phases.FREEZING: phases.SETTLING,
            phases.UNDOING: phases.WALKING,
        }.get(header.phase, phases.FORWARD)


def try_to_settle(draft: Draft) -> None:
    """When nothing is open any more, turn round; when the way back is done, end."""
    header = draft.header
    if draft.undone:
        draft.undone = False
        end(draft, status.COMPENSATED)
        return
    if header.phase != phases.SETTLING or header.open or header.parked:
        return
    if header.pivot_passed:
        header.phase = phases.FORWARD
        header.parked += 1
        header.reason += f" (the pivot {header.pivot} passed meanwhile: nothing can be undone)"
        draft.become(status.NEEDS_ATTENTION)
    elif header.undoable:
        flow.begin_pass(draft, phases.UNDOING)
    else:
        end(draft, status.COMPENSATED if header.cause == UNDONE_BY_PARENT else header.cause)


def _freeze(draft: Draft, ready: Ready) -> None:
    row = draft.task(ready.ref)
    assert row is not None
    if row.status in status.OPEN:
        if not is_called_off(draft, row):
            freeze(draft, row)
    elif ready.mark == "held":
        flow.mark_frontier(draft, row)
    elif ready.mark == "frontier" and races.has_lost(draft, draft.node(row.ref)):
        settle_mark(draft, row)


def is_called_off(draft: Draft, row: TaskRow) -> bool:
    """Whether it is part of what becomes of those that lost a race: that comes to its own end."""
    return row.ref.startswith(UNDO) or races.is_over(draft, draft.node(row.ref))


def settle_mark(draft: Draft, row: TaskRow) -> None:
    """A branch that was stopped before its race was over is one of those that lost it."""
    draft.do(Close(row.ref))
    races.lost(draft, draft.change(row, frontier=False))


def freeze(draft: Draft, row: TaskRow) -> None:
    """Stop an open task: at once, or as soon as its worker or its child has stopped."""
    if row.worker and row.status == status.IN_PROGRESS:
        draft.do(Interrupt(row.ref, row.attempt, row.worker))
    elif row.child_id and row.status == status.IN_PROGRESS:
        draft.do(Tell(row.child_id, AbortedByParent(reason=draft.header.reason)))
    else:
        settled(draft, draft.change(row, status.CANCELED, ended_at=draft.now))


def _sweep(draft: Draft, ready: Ready) -> None:
    """Close what is open in a run that has ended; the marks let a person retry it from here."""
    row = draft.task(ready.ref)
    assert row is not None
    if row.status in status.OPEN:
        sweep(draft, row)
    elif ready.mark == "parked" and draft.header.status != status.COMPLETED:
        draft.header.ended_by = UNDO  # given up in the midst of an undo: no going on from here
        draft.do(Close(ready.ref))
    elif ready.mark in ("parked", ""):  # "": where the way back was interrupted
        draft.do(Close(ready.ref))


def sweep(draft: Draft, row: TaskRow) -> None:
    """Close an open task of a run that has ended."""
    header = draft.header
    if row.worker and row.status == status.IN_PROGRESS:
        draft.do(Interrupt(row.ref, row.attempt, row.worker))
    if row.child_id and row.status == status.IN_PROGRESS:
        back = header.status == status.COMPLETED
        draft.do(Tell(row.child_id, AbortedByParent(reason=header.reason, undo=back)))
    row = draft.change(row, status.CANCELED, ended_at=draft.now)
    draft.log("canceled", row.ref, row.attempt)
    if row.ref.startswith(UNDO):
        header.ended_by = UNDO
        draft.do(Close(row.ref))
        return
    node = draft.node(row.ref)
    row = flow.note_unknown(draft, node, row)
    header.undoable += row.undoable
    if row.frontier and races.has_lost(draft, node):
        _give_up_loser(draft, row)
        return
    if header.status == status.COMPLETED and not header.parent_id:
        draft.do(Close(row.ref))
    else:
        flow.mark_frontier(draft, row)


def _give_up_loser(draft: Draft, row: TaskRow) -> None:
    """It stays as it stands; where it may have done something, nobody can go on from here."""
    draft.do(Close(row.ref))
    races.count(draft, -1)
    if row.undoable:
        draft.header.ended_by = UNDO


def _start_failure_workflow(draft: Draft, name: str) -> None:
    header = draft.header
    started_with = draft.json(draft.value("input") or b"{}")
    body = {
        **started_with,
        "workflowId": header.id,
        "reason": header.reason,
        "failureStatus": header.cause or header.status,
        "failureTaskId": header.failed_ref,
    }
    child = child_id(header.id, "failure-workflow", header.seq, draft.now)
    draft.do(StartFailureWorkflow(name=name, child_id=child, input=encode(body)))
    output = draft.json(draft.value("output") or b"{}")
    draft.values["output"] = encode({**output, "conductor.failure_workflow": child})
