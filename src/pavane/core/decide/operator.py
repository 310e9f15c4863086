"""What people may ask of an execution: pause, resume, retry, terminate, and settle what gave up."""

from __future__ import annotations

from pavane.core.decide import admission, flow, phases, races, stopping, undo
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import UNDO, Node
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model import status
from pavane.core.model.command import Begin, Close, Tell
from pavane.core.model.fact import (
    AbortedByParent,
    KeyWanted,
    Launched,
    Resolved,
    Signalled,
    TerminateRequested,
)
from pavane.core.model.rows import Ready, TaskRow
from pavane.core.model.work import REASON_MAX
from pavane.errors import AlreadyExistsError, ConflictError, NotFoundError, PastPivotError

SIGNALLED = ("WAIT", "HUMAN")
"""The types of the steps that somebody outside may complete or fail."""


def pause(draft: Draft) -> None:
    """Schedule nothing new until it is resumed; what is scheduled may go on."""
    header = draft.header
    if header.status != status.RUNNING:
        raise ConflictError(
            f"Execution {header.id} is {header.status}, so it cannot be paused.",
            "Only a running execution can be paused.",
        )
    if header.phase == phases.RESUMING:  # the marks that are left stay for the next time
        header.phase, header.cursor = phases.FORWARD, ""
    elif header.phase == phases.QUEUED:
        admission.stand_back(draft)
    draft.become(status.PAUSED)


def resume(draft: Draft) -> None:
    """Go on from every place that was held."""
    header = draft.header
    if header.status != status.PAUSED:
        raise ConflictError(
            f"Execution {header.id} is {header.status}, so it cannot be resumed.",
            "Only a paused execution can be resumed.",
        )
    draft.become(status.RUNNING)
    if header.phase == phases.QUEUED:
        admission.enter(draft, header.created_at)
    else:
        admission.set_off(draft)


def retry(draft: Draft) -> None:
    """Try again what failed, where nothing was undone."""
    header = draft.header
    if header.parent_id:
        raise ConflictError(
            f"Execution {header.id} is part of {header.parent_id}.",
            f"Retry {header.parent_id}: its step starts a new execution in place of this one.",
        )
    if header.status == status.COMPENSATED:
        raise ConflictError(
            f"Execution {header.id} was undone, so there is nothing left to retry.",
            "Start the workflow anew.",
        )
    if header.status not in (status.FAILED, status.TIMED_OUT, status.TERMINATED):
        raise ConflictError(
            f"Execution {header.id} is {header.status}, so it cannot be retried.",
            "Only an execution that ended without success can be retried.",
        )
    if header.ended_by == UNDO:
        raise ConflictError(
            f"Execution {header.id} was given up while it was being undone: it cannot go on.",
            "Start the workflow anew.",
        )
    if header.permissive_failure and header.failed_ref == header.permissive_failure:
        raise ConflictError(
            f"Execution {header.id} went on past {header.failed_ref!r}, which is permissive and "
            "had failed: there is no place to go on from.",
            "Start the workflow anew.",
        )
    if header.phase:
        raise ConflictError(
            f"Execution {header.id} is still closing its open tasks.", "Retry in a moment."
        )
    _forward_again(draft)
    timeout_ms = int(draft.plan.workflow.timeout_seconds * 1000)
    header.deadline_at = draft.now + timeout_ms if timeout_ms else 0


def terminate(draft: Draft, fact: TerminateRequested) -> None:
    """Stop the execution and undo what was done, or (undo=False) leave it as it stands."""
    header = draft.header
    reason = fact.reason or "terminated"
    if header.status == status.TERMINATED:
        return
    if header.status in status.ENDED:
        raise ConflictError(
            f"Execution {header.id} has ended: it is {header.status}.",
            "Only an execution that has not ended can be terminated.",
        )
    if not fact.undo:
        abandon(draft, status.TERMINATED, reason)
    elif not phases.is_forward(header):
        raise ConflictError(
            f"Execution {header.id} is {header.status}: it is already being stopped.",
            "Wait, settle what gave up with `resolve`, or terminate it without undo.",
        )
    elif header.pivot:
        raise PastPivotError(
            f"Execution {header.id} has reached its pivot {header.pivot}: refused.",
            "Let it finish, or terminate it without undo.",
        )
    else:
        draft.abort_because(status.TERMINATED, reason, None)


def aborted_by_parent(draft: Draft, fact: AbortedByParent) -> None:
    """The enclosing execution stops: so does this one."""
    header = draft.header
    if header.status in status.ENDED:
        return
    reason = f"the enclosing execution was stopped: {fact.reason}"
    if not fact.undo:
        abandon(draft, status.TERMINATED, reason)
    elif phases.is_forward(header):
        draft.abort_because(status.TERMINATED, reason, None)


def abandon(draft: Draft, final: str, reason: str) -> None:
    """End it as it stands: nothing is undone, nothing goes on."""
    header = draft.header
    draft.agenda.clear()
    header.reason = f"{header.reason}; {reason}" if header.reason else reason
    header.cause = header.cause or final
    header.parked = 0
    if final not in status.EXECUTION_CHANGES[header.status]:
        raise ConflictError(f"Execution {header.id} is {header.status}.")
    stopping.end(draft, final)


def resolve(draft: Draft, fact: Resolved) -> None:
    """A person settles what gave up: try it again, count it as done, or give the run up."""
    header = draft.header
    if header.status != status.NEEDS_ATTENTION:
        raise ConflictError(
            f"Execution {header.id} is {header.status}: nothing in it waits for a person.",
            "Look at `pavane show` for its present state.",
        )
    if fact.action not in ("retry", "done", "abandon"):
        raise ConflictError(
            f"{fact.action!r} settles nothing.", "Use one of: retry, done, abandon."
        )
    if fact.action == "abandon":
        cause = header.cause if header.cause in status.ENDED else status.FAILED
        abandon(draft, cause, "given up by a person")
        return
    going_back = header.phase in phases.GOING_BACK
    loser = None if going_back else _loser(draft, fact.ref.removeprefix(UNDO))
    if loser is not None:
        _resolve_undo(draft, loser, fact)
        return
    if not fact.ref and header.cause and not header.failed_ref and not going_back:
        header.parked -= 1  # stopped from outside, behind its pivot: it can only go on
        _forward_again(draft)
        return
    row = _parked(draft, fact.ref, going_back)
    if going_back:
        _resolve_undo(draft, row, fact)
    else:
        _resolve_step(draft, row, fact)


def signal(draft: Draft, fact: Signalled) -> None:
    """Complete or fail a waiting step from outside."""
    row = draft.task(fact.ref)
    if row is None or fact.ref.startswith(UNDO):
        raise NotFoundError(
            f"Execution {draft.header.id} has no step {fact.ref!r} that has begun.",
            "Look at `pavane show` for the steps that are waiting.",
        )
    if draft.header.status in status.ENDED:
        raise ConflictError(
            f"Execution {draft.header.id} has ended: it is {draft.header.status}.",
            "Signal an execution that has not ended.",
        )
    if row.status not in status.OPEN or row.type not in SIGNALLED:
        raise ConflictError(
            f"Step {fact.ref!r} is a {row.type} that is {row.status}: it waits for no signal.",
            f"Signal a {' or '.join(SIGNALLED)} step that is IN_PROGRESS.",
        )
    node = draft.node(fact.ref)
    succeeded = fact.status == status.COMPLETED
    row = draft.change(
        row,
        status.COMPLETED if succeeded else status.FAILED,
        output=fact.output,
        reason="" if succeeded else fact.reason[:REASON_MAX] or "failed by a signal",
        ended_at=draft.now,
    )
    if succeeded:
        flow.completed(draft, node, row)
    else:
        draft.log("failed", row.ref, row.attempt, status=row.status, reason=row.reason)
        flow.fail(draft, node, row)


def resume_page(draft: Draft) -> None:
    """One page of going on: from each held place, and anew at each frontier."""
    header = draft.header
    page = draft.page(header.cursor)
    draft.require([("task", ready.ref) for ready in page.rows])
    for ready in page.rows:
        _resume_at(draft, ready)
    if page.next:
        header.cursor = page.next
    else:
        header.phase, header.cursor = phases.FORWARD, ""


def _resume_at(draft: Draft, ready: Ready) -> None:
    row = draft.task(ready.ref)
    if row is None or ready.mark not in ("held", "frontier"):
        return
    node = draft.node(ready.ref)
    if races.has_lost(draft, node):
        stopping.settle_mark(draft, row)
        return
    draft.do(Close(ready.ref))
    if row.frontier:
        row = draft.change(row, frontier=False)
    if row.status == status.COMPLETED and node.type == "TERMINATE":
        draft.agenda.append(node.ref)  # what ended the run is asked again
    elif row.status in status.SUCCESSFUL or _passed_over(node, row, ready):
        flow.go_on(draft, node, row)
    else:
        STEP_TYPES[node.type].begin_again(draft, node, row)


def _passed_over(node: Node, row: TaskRow, ready: Ready) -> bool:
    """Whether a permissive step has had its last attempt, so that the flow goes on behind it."""
    return node.step.permissive and (ready.mark == "held" or row.status != status.CANCELED)


def key_wanted(draft: Draft, fact: KeyWanted) -> bool:
    """Give the start key to a new execution, unless this one runs. False: it was given before."""
    header = draft.header
    if header.successor:
        return False
    if header.status not in status.ENDED:
        error = AlreadyExistsError(
            f"Workflow {header.workflow!r} was started with the key {header.key!r} already, and "
            f"that execution is {header.status}: {header.id}.",
            "Wait for its end, or use another key.",
        )
        if fact.told is None:
            raise error
        execution_id, ref, attempt = fact.told
        draft.do(Tell(execution_id, Launched(ref, attempt, reason=str(error))))
        return True
    header.successor = fact.header.id
    draft.do(Begin(fact.header, fact.input))
    if fact.told is not None:
        execution_id, ref, attempt = fact.told
        draft.do(Tell(execution_id, Launched(ref, attempt, fact.header.id)))
    return True


def _forward_again(draft: Draft) -> None:
    header = draft.header
    had_ended = header.status in status.ENDED
    header.cause = header.reason = header.failed_ref = ""
    if header.parked:  # the undo of a branch that lost a race still waits for a person
        return
    draft.become(status.RUNNING)
    if had_ended and draft.plan.key is not None:
        admission.enter(draft)
    else:
        admission.set_off(draft)


def _parked(draft: Draft, ref: str, going_back: bool) -> TaskRow:
    row = draft.task(UNDO + ref.removeprefix(UNDO) if going_back else ref)
    unsettled = row is not None and (
        row.status in status.UNSUCCESSFUL_ENDS or (row.type == "TERMINATE" and row.frontier)
    )
    if row is None or not unsettled:
        raise NotFoundError(
            f"Nothing waits for a person at {ref!r} in execution {draft.header.id}.",
            "Look at `pavane show` for what does.",
        )
    return row


def _loser(draft: Draft, ref: str) -> TaskRow | None:
    """The undo that gave up, of a branch of that name that lost a race."""
    row = draft.task(UNDO + ref) if ref else None
    if row is None or row.status not in status.UNSUCCESSFUL_ENDS:
        return None
    return row if races.has_lost(draft, draft.node(ref)) else None


def _resolve_undo(draft: Draft, row: TaskRow, fact: Resolved) -> None:
    header = draft.header
    header.parked -= 1
    if header.parked:
        pass
    elif header.phase in phases.GOING_BACK | phases.ABORTING:
        draft.become(status.COMPENSATING)
    else:
        _forward_again(draft)
    if fact.action == "retry":
        undo.retry_undo(draft, row)
    else:
        row = draft.change(row, status.COMPLETED, output=fact.output, ended_at=draft.now)
        draft.log("resolved", row.ref, row.attempt)
        undo.undo_ended(draft, row)


def _resolve_step(draft: Draft, row: TaskRow, fact: Resolved) -> None:
    """A step behind the pivot: the flow goes on from there."""
    header = draft.header
    passed_over = row.ref == header.permissive_failure
    if passed_over and fact.action == "retry":
        raise ConflictError(
            f"Execution {header.id} went on past {row.ref!r}, which is permissive: too late.",
            "Settle it with `done`, or give the execution up with `abandon`.",
        )
    header.parked -= 1
    if fact.action == "done":
        header.undoable -= row.undoable
        counted = draft.node(row.ref).step.join_count is not None  # its output names who has won
        output = row.output if counted else fact.output
        row = draft.change(row, status.COMPLETED, output=output, ended_at=draft.now, frontier=False)
        draft.log("resolved", row.ref, row.attempt)
    _forward_again(draft)
    if passed_over:
        header.permissive_failure = ""
        header.undoable += row.undoable
    elif fact.action == "done" and row.type == "TERMINATE":
        draft.do(Close(row.ref))  # it has arrived where it is waited for: only go on behind it
        flow.go_on(draft, draft.node(row.ref), row)
    elif fact.action == "done":
        flow.completed(draft, draft.node(row.ref), row)
