"""What happens to an open task: taken, reported, silent for too long, its child at an end."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from pavane.core.decide import caught, flow, phases, stopping, timeouts, undo
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.nodes import UNDO
from pavane.core.decide.plan import WORKER_TYPE
from pavane.core.decide.retries import Policy
from pavane.core.decide.step_types import STEP_TYPES
from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.command import Interrupt, Lease, Offer, Tell, Wait
from pavane.core.model.fact import AbortedByParent
from pavane.core.model.lanes import lane
from pavane.core.model.rows import PROGRESS, Header, TaskRow
from pavane.core.model.work import NAMELESS, REASON_MAX

_OF_CHILD = {status.TIMED_OUT: status.TIMED_OUT, status.TERMINATED: status.CANCELED}


def claimed(draft: Draft, fact: facts.Claimed) -> bool:
    """A worker takes a scheduled attempt; anything else is refused without harm."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None or row.status != status.SCHEDULED or row.visible_at > draft.now:
        return False
    if not may_be_taken(draft.header, fact.ref):
        return False
    policy = timeouts.policy_for(draft.plan, row)
    row, lease, entry = take(policy, row, fact.worker, draft.now)
    draft.put(row)
    draft.entries.append(entry)
    draft.do(lease)
    return True


def may_be_taken(header: Header, ref: str) -> bool:
    """Whether workers may begin a task of the execution now: no step while it is being frozen.

    Undos that are there already, of branches that lost a race, come to their end.
    """
    if header.status in status.ENDED:
        return False
    return header.phase not in phases.ABORTING or ref.startswith(UNDO)


def take(
    policy: Policy, row: TaskRow, worker: str, now: int
) -> tuple[TaskRow, Lease, dict[str, Any]]:
    """A scheduled attempt in the hands of a worker: its record, its lease, the entry for the log.

    Nothing else of an execution changes with it, so the engine may use it directly where a worker
    of its own takes a task in the very transaction that schedules it.
    """
    row = structs.replace(
        row,
        status=status.IN_PROGRESS,
        worker=worker,
        started_at=row.started_at or now,
        updated_at=now,
        polls=row.polls + 1,
    )
    queue = lane(row.name, policy.key, row.input)
    lease = Lease(row.ref, row.attempt, queue, worker, timeouts.alarm_at(policy, row))
    entry = {"kind": "started", "ref": row.ref, "attempt": row.attempt, "worker": worker}
    return row, lease, entry


def reported(draft: Draft, fact: facts.Reported) -> bool:
    """The outcome of an attempt; late, doubled and fenced-off ones change nothing."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None or row.type != WORKER_TYPE or draft.header.status in status.ENDED:
        return False
    if _somebody_else_has(row, fact.worker):
        return False
    if fact.status == status.IN_PROGRESS and _is_being_stopped(draft, row):
        row = draft.change(row, status.CANCELED, output=fact.output, ended_at=draft.now)
        stopping.settled(draft, row)
        return True
    if fact.status == status.IN_PROGRESS:
        if row.status != status.IN_PROGRESS:
            return False  # said twice: it is back in its queue already
        delay_ms = int(fact.callback_after_s * 1000)
        return _back_to_queue(draft, row, delay_ms, fact.output)
    late = fact.status == status.TIMED_OUT
    policy = timeouts.policy_for(draft.plan, row)
    known = late and policy.timeout_ms  # then in the words of our own clock, which came second
    reason = timeouts.reason_of(policy, "task") if known else fact.reason[:REASON_MAX]
    row = draft.change(
        row,
        fact.status,
        output=fact.output,
        reason=reason,
        polls=row.polls or 1,  # whoever reports it has had it
        ended_at=draft.now,
    )
    if fact.perhaps_done and not row.ref.startswith(UNDO):
        row = flow.note_perhaps_done(draft, draft.node(row.ref), row)
    final = late and _ends_the_run(draft, row, policy, "task")
    _ended(draft, row, final=final, after_ms=int(fact.callback_after_s * 1000))
    return True


def heartbeat(draft: Draft, fact: facts.Heartbeat) -> bool:
    """A sign of life: the response timeout starts anew."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None or row.status != status.IN_PROGRESS or row.type != WORKER_TYPE:
        return False
    if _somebody_else_has(row, fact.worker):
        return False
    if fact.progress:
        draft.values[PROGRESS + row.ref] = b'{"attempt":%d,"value":%s}' % (
            row.attempt,
            fact.progress,
        )
    _rearm(draft, draft.change(row))
    return True


def returned(draft: Draft, fact: facts.Returned) -> bool:
    """Who held the attempt is gone: the same attempt goes back to its queue."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None or row.status != status.IN_PROGRESS or not row.worker:
        return False
    if fact.worker and fact.worker != row.worker:
        return False  # it went back before, and somebody else has it
    if draft.header.status in status.ENDED:
        stopping.sweep(draft, row)
        return True
    if _is_being_stopped(draft, row):
        reason = "its process died while the execution was being stopped"
        row = draft.change(row, status.CANCELED, reason=reason, ended_at=draft.now)
        stopping.settled(draft, row)
        return True
    if fact.begun and not row.ref.startswith(UNDO):
        row = flow.note_perhaps_done(draft, draft.node(row.ref), row)
    return _back_to_queue(draft, row, 0, row.output)


def alarm_rang(draft: Draft, ref: str) -> bool:
    """A timeout has passed, a wait is over, a fan-out goes on; or nothing yet."""
    header = draft.header
    row = draft.task(ref)
    if row is None:
        return False
    node = draft.node(ref)
    if row.status not in status.OPEN:
        return header.phase in phases.GOING_BACK and undo.walk_on(draft, ref)
    if header.status in status.ENDED:
        stopping.sweep(draft, row)
        return True
    policy = timeouts.policy_for(draft.plan, row)
    which = timeouts.passed(policy, row, draft.now)
    if which and policy.timeout_policy == "ALERT_ONLY" and which != "response":
        draft.log("timeout", ref, row.attempt, reason=f"{which} timeout, noted only")
    elif which:
        _timed_out(draft, row, which)
        return True
    if row.type == WORKER_TYPE:
        _rearm(draft, row)
    elif _is_being_stopped(draft, row) and not stopping.is_called_off(draft, row):
        draft.do(Wait(row.ref, row.attempt))
        stopping.freeze(draft, row)
    elif not ref.startswith(UNDO):
        STEP_TYPES[node.type].rang(draft, node, row)
    return True


def child_ended(draft: Draft, fact: facts.ChildEnded) -> bool:
    """The execution that a step started has ended: so does the step."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None:
        return False
    final = False
    if fact.status == status.COMPLETED:
        row = draft.change(
            row,
            status.COMPLETED,
            reason="",
            output=fact.output,
            undoable=fact.undoable,
            ended_at=draft.now,
        )
    else:
        cause = fact.cause if fact.status == status.COMPENSATED else fact.status
        timed_out = bool(row.reason)  # its time was up: that is why the child was stopped
        node = draft.node(row.ref)
        final = timed_out and _is_final(node.policy)
        row = draft.change(
            row,
            status.TIMED_OUT if timed_out else _OF_CHILD.get(cause, status.FAILED),
            output=fact.output if timed_out else caught.left_by(node.step, fact),
            reason=row.reason or fact.reason,
            ended_at=draft.now,
        )
    _ended(draft, row, final)
    return True


def launched(draft: Draft, fact: facts.Launched) -> bool:
    """The execution that a step was to start goes its own way now, or there is none."""
    row = _open(draft, fact.ref, fact.attempt)
    if row is None:
        return False
    if fact.execution_id:
        output = encode({"workflowId": fact.execution_id})
        row = draft.change(row, status.COMPLETED, output=output, ended_at=draft.now)
    else:
        row = draft.change(row, status.FAILED, reason=fact.reason, ended_at=draft.now)
    _ended(draft, row)
    return True


def child_undone(draft: Draft, fact: facts.ChildUndone) -> bool:
    """A child has been undone as asked, or was given up as it stands."""
    row = draft.task(UNDO + fact.ref)
    if row is None or row.status not in status.OPEN:
        return False
    end = status.COMPLETED if fact.undone else status.FAILED
    row = draft.change(row, end, reason="" if fact.undone else fact.reason, ended_at=draft.now)
    if not fact.undone:
        draft.log("failed", row.ref, row.attempt, status=row.status, reason=row.reason)
    undo.undo_ended(draft, row)
    return True


def child_pivot(draft: Draft, fact: facts.ChildPivot) -> bool:
    """A pivot inside a child: it is ours as well, and that of whoever encloses us."""
    header = draft.header
    if fact.reached:
        header.pivot = header.pivot or fact.ref
    elif header.pivot == fact.ref and not header.pivot_passed:
        header.pivot = ""
    header.pivot_passed = header.pivot_passed or fact.passed
    flow.tell_pivot(draft)
    return True


def _open(draft: Draft, ref: str, attempt: int) -> TaskRow | None:
    """The attempt, if it is the newest one and has not ended."""
    row = draft.task(ref)
    if row is None or row.attempt != attempt or row.status not in status.OPEN:
        return None
    return row


def _somebody_else_has(row: TaskRow, worker: str) -> bool:
    """Whether the attempt was delivered anew meanwhile, to a worker of another name.

    Where nobody has it now (it was given back), the one that had it may still bring its result.
    """
    return bool(worker) and row.worker not in ("", NAMELESS, worker)


def _is_being_stopped(draft: Draft, row: TaskRow) -> bool:
    """Whether the run is being frozen, or the row is of a branch that lost a race."""
    if row.ref.startswith(UNDO):
        return False
    return draft.header.phase in phases.ABORTING or row.frontier


def _ended(draft: Draft, row: TaskRow, final: bool = False, after_ms: int = 0) -> None:
    node = draft.node(row.ref)
    if row.status not in status.SUCCESSFUL:
        draft.log("failed", row.ref, row.attempt, status=row.status, reason=row.reason)
    if row.ref.startswith(UNDO):
        undo.undo_ended(draft, row, after_ms)
    elif _is_being_stopped(draft, row):
        stopping.settled(draft, row)
    elif row.status in status.SUCCESSFUL:
        flow.completed(draft, node, row)
    elif final:
        flow.give_up(draft, node, row)
    else:
        flow.fail(draft, node, row, after_ms)


def _timed_out(draft: Draft, row: TaskRow, which: str) -> None:
    policy = timeouts.policy_for(draft.plan, row)
    reason = timeouts.reason_of(policy, which)
    if row.child_id and row.status == status.IN_PROGRESS:
        # The child stops first, undoing what it did; its end is then the end of this attempt.
        row = draft.change(row, reason=reason)
        draft.do(Wait(row.ref, row.attempt))
        draft.do(Tell(row.child_id, AbortedByParent(reason)))
        return
    if row.worker and row.status == status.IN_PROGRESS:
        draft.do(Interrupt(row.ref, row.attempt, row.worker))
    final = _ends_the_run(draft, row, policy, which)
    row = draft.change(row, status.TIMED_OUT, reason=reason, ended_at=draft.now)
    _ended(draft, row, final=final)


def _ends_the_run(draft: Draft, row: TaskRow, policy: Policy, which: str) -> bool:
    """Whether the timeout leaves no other attempt. Silence alone never does."""
    forward = not _is_being_stopped(draft, row) and not row.ref.startswith(UNDO)
    return forward and which != "response" and _is_final(policy)


def _is_final(policy: Policy) -> bool:
    return policy.timeout_policy == "TIME_OUT_WF"


def _back_to_queue(draft: Draft, row: TaskRow, delay_ms: int, output: bytes) -> bool:
    row = draft.change(
        row, status.SCHEDULED, worker="", visible_at=draft.now + delay_ms, output=output
    )
    flow.offer(draft, draft.node(row.ref), row)
    return True


def _rearm(draft: Draft, row: TaskRow) -> None:
    """Set the next alarm of a queue entry or a lease: what has passed by now was noted."""
    policy = timeouts.policy_for(draft.plan, row)
    alarm = timeouts.next_after(policy, row, draft.now)
    queue = lane(row.name, policy.key, row.input)
    if row.status == status.SCHEDULED:
        draft.do(Offer(row.ref, row.attempt, queue, row.visible_at, alarm))
    else:
        draft.do(Lease(row.ref, row.attempt, queue, row.worker, alarm))
