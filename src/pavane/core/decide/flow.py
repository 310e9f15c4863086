"""Forward progress: steps begin, attempts end, what follows begins; joins."""

from __future__ import annotations

from typing import Any

from pavane.core.decide import caught, phases, races, retries, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.fans import width_of
from pavane.core.decide.nodes import AGAIN, Node
from pavane.core.decide.plan import BUILT_IN_TYPES, RETRIED_TYPES, WORKER_TYPE
from pavane.core.model import status
from pavane.core.model.command import Close, Mark, Offer, Tell
from pavane.core.model.fact import AlarmRang, ChildPivot
from pavane.core.model.lanes import lane
from pavane.core.model.rows import TaskRow
from pavane.errors import ExpressionError

_RETRIED = frozenset({status.FAILED, status.TIMED_OUT, status.CANCELED})
_UNKNOWN = frozenset({status.TIMED_OUT, status.CANCELED})
_COUNTING = status.OPEN | {status.CANCELED}  # a cancelled join may be opened again by a retry
_CAUSES = {status.TIMED_OUT: status.TIMED_OUT, status.CANCELED: status.TERMINATED}


def new_row(draft: Draft, node: Node, row_status: str, **fields: Any) -> TaskRow:
    """A record for the next attempt at a step, as it begins."""
    previous = draft.newest.get(node.ref) or draft.given.tasks.get(node.ref)
    attempt = previous.attempt + 1 if previous else 0
    if draft.resuming and previous and previous.undoable:
        # An earlier attempt has perhaps happened: that stays so whatever becomes of this one.
        draft.header.undoable -= 1
        fields["undoable"] = True
    if node.branch:  # what it begins with is kept in its record, and nowhere else
        fields["branch"] = node.branch
        if fields.get("input", b"{}") == b"{}":
            fields["input"] = encode(draft.render(node))
    now, built_in = draft.now, node.type in BUILT_IN_TYPES
    made: dict[str, Any] = {
        "type": WORKER_TYPE if built_in else node.type,
        "name": node.type if built_in else node.step.name or node.ref,
        "service": node.service,
        **fields,
    }
    row = TaskRow(
        execution_id=draft.header.id,
        ref=node.ref,
        attempt=attempt,
        status=row_status,
        seq=draft.header.seq + 1,
        scheduled_at=now,
        first_scheduled_at=now,
        updated_at=now,
        round=attempt,
        **made,
    )
    return draft.add(row)


def instant(
    draft: Draft, node: Node, task_input: dict[str, Any], output: dict[str, Any]
) -> TaskRow:
    """Record a step that is over as soon as it begins, and go on behind it."""
    row = new_row(
        draft,
        node,
        status.COMPLETED,
        input=encode(task_input),
        output=encode(output),
        started_at=draft.now,
        ended_at=draft.now,
    )
    draft.log("completed", node.ref, row.attempt)
    arrive(draft, node, row)
    return row


def reject(draft: Draft, node: Node, reason: str, task_input: bytes = b"{}") -> None:
    """Record a step that fails for good as soon as it begins."""
    row = new_row(
        draft,
        node,
        status.FAILED_WITH_TERMINAL_ERROR,
        input=task_input,
        reason=reason,
        ended_at=draft.now,
    )
    draft.log("failed", node.ref, row.attempt, status=row.status, reason=reason)
    fail(draft, node, row)


def completed(draft: Draft, node: Node, row: TaskRow) -> None:
    """An open attempt has just become successful: count it, close it, go on."""
    draft.do(Close(ref=row.ref))
    draft.log("completed", row.ref, row.attempt)
    if node.undo is not None and not row.undoable:
        row = draft.change(row, undoable=True)
    if row.undoable:
        draft.header.undoable += 1
    if races.has_lost(draft, node):
        races.lost(draft, row)
        return
    if node.step.pivot:
        pass_pivot(draft)
    arrive(draft, node, row)
    go_on(draft, node, row)
    if node.step.join_count is not None:
        races.call_off(draft, node)


def fail(draft: Draft, node: Node, row: TaskRow, after_ms: int = 0) -> None:
    """An attempt has just ended without success: try again, go on without it, or abort.

    Whoever made it may have said that another one makes no sense before `after_ms`.
    """
    row = note_unknown(draft, node, row)
    wanted = not races.has_lost(draft, node)
    if wanted and row.status in _RETRIED and _may_retry(draft, node, row):
        used = row.attempt - row.round
        policy = timeouts.policy_for(draft.plan, row)
        delay_ms = retries.retry_delay_ms(policy, used, row.id)
        retry(draft, node, row, max(delay_ms, after_ms))
    else:
        give_up(draft, node, row)


def give_up(draft: Draft, node: Node, row: TaskRow) -> None:
    """The last attempt at a step has failed: go on without it if it may be missing, else abort."""
    if races.has_lost(draft, node):
        end_loser(draft, node, row)
        return
    draft.do(Close(ref=row.ref))
    row = note_unknown(draft, node, row)
    draft.header.undoable += row.undoable
    if node.step.pivot:
        pivot_failed(draft)
    if node.step.optional:
        output = caught.left_behind(node.step, row)
        row = draft.change(row, status.COMPLETED_WITH_ERRORS, output=output)
        draft.log("completed", row.ref, row.attempt, with_errors=True)
        arrive(draft, node, row)
        go_on(draft, node, row)
    elif node.step.permissive:
        draft.header.permissive_failure = draft.header.permissive_failure or row.ref
        arrive(draft, node, row)
        go_on(draft, node, row)
    elif node.race:  # its JOIN says whether the others suffice
        arrive(draft, node, row)
    else:
        cause = _CAUSES.get(row.status, status.FAILED)
        reason = row.reason or row.status.lower()
        named = reason.startswith(f"{node.ref}: ")  # many a worker has said so already
        draft.abort_because(cause, reason if named else f"{node.ref}: {reason}", row)


def end_loser(draft: Draft, node: Node, row: TaskRow) -> None:
    """A branch that its JOIN went on without has ended, without success."""
    draft.do(Close(row.ref))
    row = note_unknown(draft, node, row)
    draft.header.undoable += row.undoable
    races.lost(draft, row)


def retry(draft: Draft, node: Node, row: TaskRow, delay_ms: int) -> None:
    """A new attempt at a step, not before `delay_ms` from now; its input is worked out anew."""
    try:
        task_input = encode(draft.render(node))
    except ExpressionError as error:
        reject(draft, node, str(error))
        return
    again = draft.add(
        TaskRow(
            execution_id=row.execution_id,
            ref=row.ref,
            attempt=row.attempt + 1,
            type=row.type,
            name=row.name,
            status=status.SCHEDULED,
            seq=draft.header.seq + 1,
            input=task_input,
            service=row.service,
            scheduled_at=draft.now,
            first_scheduled_at=row.first_scheduled_at,
            visible_at=draft.now + delay_ms,
            updated_at=draft.now,
            round=row.round,
            undoable=row.undoable,
            branch=row.branch,
        )
    )
    offer(draft, node, again)


def offer(draft: Draft, node: Node, row: TaskRow) -> None:
    """Put a scheduled attempt where it is taken from: its queue, or the engine's own timer."""
    draft.log("scheduled", row.ref, row.attempt, task=row.name, visible_at=row.visible_at)
    policy = timeouts.policy_for(draft.plan, row)
    if row.type == WORKER_TYPE:
        draft.do(
            Offer(
                ref=row.ref,
                attempt=row.attempt,
                queue=lane(row.name, policy.key, row.input),
                visible_at=row.visible_at,
                alarm_at=timeouts.alarm_at(policy, row),
            )
        )
    else:
        draft.do(Offer(row.ref, row.attempt, "", row.visible_at, row.visible_at))


def arrive(draft: Draft, node: Node, row: TaskRow) -> None:
    """Tell the joins that wait for a step that it is over."""
    for ref in node.joins:
        join, joining = draft.task(ref), draft.plan.nodes[ref]
        needed = joining.step.join_count
        counting = _COUNTING if needed is None else _COUNTING | {status.FAILED}
        if join is None or join.status not in counting:
            continue
        if needed is not None:
            join = draft.change(join, **races.arrived(join, row, needed))
            if join.status in status.OPEN:
                check_join(draft, joining, join)
            continue
        successful = row.status in status.SUCCESSFUL
        reason = join.reason
        if row.status == status.COMPLETED_WITH_ERRORS or not successful:
            reason = reason or f"{row.ref}: {row.reason or row.status}"
        join = draft.change(
            join, count=join.count + 1, failed=join.failed + (not successful), reason=reason
        )
        if join.status in status.OPEN:
            check_join(draft, joining, join)


def check_join(draft: Draft, node: Node, join: TaskRow) -> None:
    """Complete a join when all that it waits for has arrived; its output is a view, not stored."""
    if node.step.join_count is not None:
        _check_race(draft, node, join, node.step.join_count)
        return
    width = width_of(join)
    if join.count < (len(node.join_on) if width is None else width):
        return
    if join.failed:
        join = draft.change(join, status.FAILED, ended_at=draft.now)
        draft.log("failed", join.ref, join.attempt, status=join.status, reason=join.reason)
        fail(draft, node, join)
        return
    end = status.COMPLETED_WITH_ERRORS if join.reason else status.COMPLETED
    completed(draft, node, draft.change(join, end, ended_at=draft.now))


def _check_race(draft: Draft, node: Node, join: TaskRow, needed: int) -> None:
    """Complete a join when enough branches are done; fail it when too few are left."""
    if len(races.winners_in(join.output)) >= needed:
        join = draft.change(join, status.COMPLETED, reason="", ended_at=draft.now)
        completed(draft, node, join)
    elif reason := races.cannot_be_won(node, join):
        join = draft.change(join, status.FAILED, reason=reason, ended_at=draft.now)
        draft.log("failed", join.ref, join.attempt, status=join.status, reason=reason)
        fail(draft, node, join)


def go_on(draft: Draft, node: Node, row: TaskRow) -> None:
    """Begin what follows a step that is over; while paused, remember that it is to be begun.

    Behind the end of a branch nothing is: its JOIN has been told. A mark there would outlast what
    the JOIN goes on to, and an undo would start at it too early.
    """
    if not node.next and node.fork:
        return
    if draft.header.status != status.RUNNING:
        draft.do(Mark(ref=row.ref, attempt=row.attempt, mark="held"))
    elif node.next:
        draft.agenda.append(node.next)
    else:
        draft.header.ended_by = row.ref


def begin_pass(draft: Draft, phase: str) -> None:
    """Go through the open tasks: the first page at once, the others as the alarm rings."""
    draft.header.phase, draft.header.cursor = phase, ""
    draft.do(Tell(draft.header.id, AlarmRang()))


def mark_frontier(draft: Draft, row: TaskRow) -> None:
    """Forward progress ends at this attempt: the way back, or a retry, starts here."""
    row = draft.change(row, frontier=True)
    draft.do(Mark(ref=row.ref, attempt=row.attempt, mark="frontier"))


def give_up_agenda(draft: Draft) -> None:
    """Steps that were about to begin never do; the way back starts in front of them."""
    agenda = [ref for ref in draft.agenda if not ref.startswith(AGAIN)]
    # A loop between two iterations is open, and stopped as what is open; where nothing is stopped
    # (behind a pivot), it goes on from here when a person has settled what failed.
    for ref in draft.agenda:
        if ref.startswith(AGAIN):
            loop = draft.task(ref.removeprefix(AGAIN).partition(":")[2])
            if loop is not None and loop.status in status.OPEN:
                draft.do(Mark(ref=loop.ref, attempt=loop.attempt, mark="held"))
    if draft.resuming:
        draft.require([("task", ref) for ref in agenda])
    for ref in agenda:
        if races.is_over(draft, draft.node(ref)):
            continue
        row = new_row(draft, draft.node(ref), status.CANCELED, ended_at=draft.now)
        draft.header.undoable += row.undoable
        mark_frontier(draft, row)
    draft.agenda.clear()


def tell_pivot(draft: Draft) -> None:
    """Tell the enclosing execution about the pivot: it has the same way back, or none."""
    header = draft.header
    if header.parent_id:
        ref, _, _ = header.parent_ref.rpartition("#")
        fact = ChildPivot(ref=ref, reached=bool(header.pivot), passed=header.pivot_passed)
        draft.do(Tell(header.parent_id, fact))


def pivot_reached(draft: Draft, node: Node) -> None:
    """A pivot step begins: from here on only its failure opens the way back again."""
    if node.step.pivot and not draft.header.pivot:
        draft.header.pivot = node.ref
        tell_pivot(draft)


def pivot_failed(draft: Draft) -> None:
    """A pivot did not happen: the way back is open again, unless another one passed."""
    if not draft.header.pivot_passed:
        draft.header.pivot = ""
        tell_pivot(draft)


def note_unknown(draft: Draft, node: Node, row: TaskRow) -> TaskRow:
    """Nobody knows whether an attempt that was taken and never ended took effect."""
    unknown = row.status in _UNKNOWN and row.polls
    return note_perhaps_done(draft, node, row) if unknown else row


def note_perhaps_done(draft: Draft, node: Node, row: TaskRow) -> TaskRow:
    """It counts as done, whatever is reported later: it is undone, and a pivot has passed."""
    if node.step.pivot:
        pass_pivot(draft)
    if node.undo is not None and not row.undoable:
        row = draft.change(row, undoable=True)
    return row


def pass_pivot(draft: Draft) -> None:
    """There is no way back from here, neither for whoever encloses this execution."""
    draft.header.pivot_passed = True
    tell_pivot(draft)


def _may_retry(draft: Draft, node: Node, row: TaskRow) -> bool:
    header, policy = draft.header, timeouts.policy_for(draft.plan, row)
    if node.type not in RETRIED_TYPES or not phases.is_forward(header):
        return False
    if row.attempt - row.round >= policy.retry_count:
        return False
    total = policy.total_timeout_ms
    return not total or draft.now < row.first_scheduled_at + total
