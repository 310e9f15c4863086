"""The way back: freeze everything that is open, then undo what was done, in reverse causal order.

The order is the graph walked backwards from where forward progress stopped. A *token* starts at
each frontier (a step that was open or failed) and moves to the step before; at a step whose undo
has something to do it waits until that undo has succeeded. A JOIN sends one token into each branch
that is complete; a FORK_JOIN lets a token pass when one has come back from every branch that had
begun. So nothing is undone before everything that was caused by it is undone, independent branches
do not wait for each other, and the cost of a step does not depend on the length of the run.
"""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide import flow, phases, retries, timeouts
from pavane.core.decide.draft import Draft, Failure, Roots, encode
from pavane.core.decide.plan import UNDO, WORKER_TYPE, Node, keys_of
from pavane.core.decide.step_types.switch import branch
from pavane.core.model import status
from pavane.core.model.command import (
    Close,
    Interrupt,
    Mark,
    StartFailureWorkflow,
    Tell,
    Wait,
)
from pavane.core.model.fact import AbortedByParent, AlarmRang, ChildUndone, UndoRequested
from pavane.core.model.ids import child_id
from pavane.core.model.rows import Ready, TaskRow
from pavane.errors import ExpressionError

UNDONE_BY_PARENT = "UNDO"
_STEPS_MAX = 1000  # walked back in one decision; then others have their turn


# --- stopping -----------------------------------------------------------------------------------


def abort(draft: Draft, failure: Failure) -> None:
    """Forward progress is over: undo, or end at once, or (behind a pivot) ask a person."""
    header = draft.header
    cause, reason, row = failure
    _give_up_agenda(draft)
    if row is not None:
        _mark_frontier(draft, row)
    if header.ended_by and row is not None and row.ref != header.ended_by:
        last = draft.task(header.ended_by)
        if last is not None:
            _mark_frontier(draft, last)
    header.ended_by = ""
    header.cause, header.reason = cause, reason
    header.failed_ref = row.ref if row else ""
    if header.pivot_passed:
        header.reason = f"{reason} (behind the pivot {header.pivot}, so nothing can be undone)"
        header.parked += 1
        draft.become(status.NEEDS_ATTENTION)
    elif header.undoable + header.undoable_open == 0:
        end(draft, cause)
    else:
        draft.become(status.COMPENSATING)
        _begin_pass(draft, phases.FREEZING)


def end(draft: Draft, final: str) -> None:
    """The run has ended without success; what is still open is closed page by page."""
    header = draft.header
    draft.become(final)
    header.phase = phases.FORWARD
    if header.open:
        _begin_pass(draft, phases.SWEEPING)
    failure_workflow = draft.plan.workflow.failure_workflow
    if failure_workflow and header.cause != UNDONE_BY_PARENT:
        _start_failure_workflow(draft, failure_workflow)
    if header.cause != UNDONE_BY_PARENT:
        flow.tell_parent(draft, draft.values.get("output", b"{}"))
    elif header.parent_id:
        ref, _, _ = header.parent_ref.rpartition("#")
        undone = final == status.COMPENSATED
        draft.do(Tell(header.parent_id, ChildUndone(ref, undone, header.reason)))


def undo_completed(draft: Draft) -> None:
    """A run that completed is undone because the one that started it is."""
    header = draft.header
    if header.status != status.COMPLETED or header.cause:
        return
    header.cause, header.reason = UNDONE_BY_PARENT, "the enclosing execution is undone"
    draft.become(status.COMPENSATING)
    last = draft.task(header.ended_by)
    assert last is not None
    _mark_frontier(draft, last)
    _begin_pass(draft, phases.UNDOING)


def settled(draft: Draft, row: TaskRow) -> None:
    """An attempt ended while the execution is being frozen: the way back starts behind it."""
    node = draft.plan.node(row.ref)
    done = row.status in status.SUCCESSFUL
    unknown = row.status in (status.TIMED_OUT, status.CANCELED) and row.worker != ""
    if node.undo is not None and (done or unknown):
        row = draft.change(row, undoable=True)
    if row.undoable:
        draft.header.undoable += 1
    if node.step.pivot:
        if done or unknown:
            draft.header.pivot_passed = True
        elif not draft.header.pivot_passed:
            draft.header.pivot = ""
        flow.tell_pivot(draft)
    draft.log("settled", row.ref, row.attempt, status=row.status)
    flow.arrive(draft, node, row)
    _mark_frontier(draft, row)


def run_pass(draft: Draft) -> None:
    """One page of the pass that the phase asks for."""
    header = draft.header
    page = draft.page(header.cursor)
    for ready in page.rows:
        if header.phase == phases.FREEZING:
            _freeze(draft, ready)
        elif header.phase == phases.SWEEPING:
            _sweep(draft, ready)
        elif ready.mark == "frontier":  # UNDOING
            draft.do(Close(ready.ref))
            back_from(draft, ready.ref)
    if page.next:
        header.cursor = page.next
    else:
        header.cursor = ""
        header.phase = {
            phases.FREEZING: phases.SETTLING,
            phases.UNDOING: phases.WALKING,
        }.get(header.phase, phases.FORWARD)


def try_to_settle(draft: Draft) -> None:
    """When nothing is open any more, turn round."""
    header = draft.header
    if header.phase != phases.SETTLING or header.open:
        return
    if header.pivot_passed:
        header.phase = phases.FORWARD
        header.parked += 1
        header.reason += f" (the pivot {header.pivot} passed meanwhile: nothing can be undone)"
        draft.become(status.NEEDS_ATTENTION)
    elif header.undoable:
        _begin_pass(draft, phases.UNDOING)
    else:
        end(draft, header.cause)


def _begin_pass(draft: Draft, phase: str) -> None:
    draft.header.phase, draft.header.cursor = phase, ""
    draft.do(Tell(draft.header.id, AlarmRang()))


def _mark_frontier(draft: Draft, row: TaskRow) -> None:
    row = draft.change(row, frontier=True)
    draft.do(Mark(ref=row.ref, attempt=row.attempt, mark="frontier"))


def _give_up_agenda(draft: Draft) -> None:
    """Steps that were about to begin never do; the way back starts in front of them."""
    for ref in draft.agenda:
        _mark_frontier(draft, flow.new_row(draft, draft.plan.nodes[ref], status.CANCELED))
    draft.agenda.clear()


def _freeze(draft: Draft, ready: Ready) -> None:
    row = draft.task(ready.ref)
    assert row is not None
    if ready.mark == "held":
        _mark_frontier(draft, row)
    elif not ready.mark and row.status in status.OPEN:
        if row.worker and row.status == status.IN_PROGRESS:
            draft.do(Interrupt(row.ref, row.attempt, row.worker))
        elif row.child_id and row.status == status.IN_PROGRESS:
            draft.do(Tell(row.child_id, AbortedByParent(reason=draft.header.reason)))
        else:
            row = draft.change(row, status.CANCELED, ended_at=draft.now)
            draft.log("canceled", row.ref, row.attempt)
            if draft.plan.node(row.ref).step.pivot and not draft.header.pivot_passed:
                draft.header.pivot = ""
                flow.tell_pivot(draft)
            _mark_frontier(draft, row)


def _sweep(draft: Draft, ready: Ready) -> None:
    """Close what is open in a run that has ended; the marks let a person retry it from here."""
    row = draft.task(ready.ref)
    assert row is not None
    if ready.mark or row.status not in status.OPEN:
        return
    if row.worker and row.status == status.IN_PROGRESS:
        draft.do(Interrupt(row.ref, row.attempt, row.worker))
    if row.child_id and row.status == status.IN_PROGRESS:
        undo = draft.header.status == status.COMPLETED
        draft.do(Tell(row.child_id, AbortedByParent(reason=draft.header.reason, undo=undo)))
    row = draft.change(row, status.CANCELED, ended_at=draft.now)
    draft.log("canceled", row.ref, row.attempt)
    if draft.header.status == status.COMPLETED and not draft.header.parent_id:
        draft.do(Close(row.ref))
    else:
        _mark_frontier(draft, row)


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
    output = draft.json(draft.values.get("output", b"{}"))
    draft.values["output"] = encode({**output, "conductor.failure_workflow": child})


# --- walking back -------------------------------------------------------------------------------


def back_from(draft: Draft, ref: str) -> None:
    """Everything caused by the step is undone: undo it, then go on before it."""
    ahead = [ref]
    walked = 0
    while ahead:
        walked += 1
        here = ahead.pop()
        if walked > _STEPS_MAX:
            row = draft.task(here)
            attempt = row.attempt if row else 0
            draft.do(Mark(here, attempt, mark="walk", alarm_at=draft.now))
        else:
            ahead += _visit(draft, draft.plan.nodes[here])


def walk_on(draft: Draft, ref: str) -> None:
    """Go on where the way back was interrupted."""
    draft.do(Close(ref))
    back_from(draft, ref)


def _visit(draft: Draft, node: Node) -> list[str]:
    if node.type == "FORK_JOIN":
        return _arrive_at_fork(draft, node)
    if node.type == "JOIN":
        fork = draft.plan.nodes[node.of_fork]
        begun = _branches_expected(draft, fork)
        found = [last for _, last in fork.branches if _complete(draft, last)]
        return found if begun else _before(draft, fork)
    if node.type == "SWITCH":
        row = draft.task(node.ref)
        if row is not None and not row.frontier and row.status in status.SUCCESSFUL:
            _, last = branch(node, draft.json(row.output)["selectedCase"])
            if last:
                return [last]
        return _before(draft, node)
    if node.undo is not None or node.type == "SUB_WORKFLOW":
        row = draft.task(node.ref)
        if row is not None and row.undoable:
            _begin_undo(draft, node, row)
            return []
    return _before(draft, node)


def _before(draft: Draft, node: Node) -> list[str]:
    """The step in front of one, out of the list that it begins if need be."""
    while not node.before:
        if not node.inside:
            _finish(draft)
            return []
        node = draft.plan.nodes[node.inside]
        if node.type == "FORK_JOIN":
            return _arrive_at_fork(draft, node)
    return [node.before]


def _arrive_at_fork(draft: Draft, fork: Node) -> list[str]:
    row = draft.task(fork.ref)
    assert row is not None
    row = draft.change(row, failed=row.failed + 1)
    return _before(draft, fork) if row.failed == _branches_expected(draft, fork) else []


def _branches_expected(draft: Draft, fork: Node) -> int:
    """Tokens that come back to a fork: one a branch that began, one if it was interrupted."""
    row = draft.task(fork.ref)
    assert row is not None
    return row.count + row.frontier


def _complete(draft: Draft, last: str) -> bool:
    """Whether a branch ran to its end (if not, its token starts at its own frontier)."""
    row = draft.task(last)
    if row is None or row.frontier or row.status in status.OPEN:
        return False
    node = draft.plan.nodes[last]
    if node.type == "SWITCH" and row.status in status.SUCCESSFUL:
        _, inner = branch(node, draft.json(row.output)["selectedCase"])
        return _complete(draft, inner) if inner else True
    return True


def _finish(draft: Draft) -> None:
    """The token has come back to the start."""
    header = draft.header
    header.phase = phases.FORWARD
    end(draft, status.COMPENSATED)


# --- one undo -----------------------------------------------------------------------------------


def _begin_undo(draft: Draft, node: Node, row: TaskRow, earlier: TaskRow | None = None) -> None:
    """Schedule the undo of a step, or ask the child that the step was to undo itself."""
    ref = UNDO + node.ref
    now = draft.now
    undo = TaskRow(
        execution_id=row.execution_id,
        ref=ref,
        attempt=earlier.attempt + 1 if earlier else 0,
        type=WORKER_TYPE if node.undo else node.type,
        name=node.undo.name if node.undo else node.step.name,
        status=status.SCHEDULED if node.undo else status.IN_PROGRESS,
        seq=draft.header.seq + 1,
        service=node.undo.service if node.undo else node.service,
        scheduled_at=now,
        first_scheduled_at=earlier.first_scheduled_at if earlier else now,
        visible_at=now,
        updated_at=now,
        child_id="" if node.undo else row.child_id,
    )
    if node.undo is None:
        draft.add(undo)
        draft.log("scheduled", ref, undo.attempt)
        draft.do(Wait(ref, undo.attempt))
        draft.do(Tell(row.child_id, UndoRequested()))
        return
    try:
        undo = _with_input(draft, node, undo, earlier)
    except ExpressionError as error:
        undo = draft.add(_failed(undo, str(error)))
        draft.log("failed", ref, undo.attempt, status=undo.status, reason=undo.reason)
        _park(draft, undo)
        return
    flow.offer(draft, node, draft.add(undo))


def _failed(undo: TaskRow, reason: str) -> TaskRow:
    return structs.replace(undo, status=status.FAILED_WITH_TERMINAL_ERROR, reason=reason)


def _with_input(draft: Draft, node: Node, undo: TaskRow, earlier: TaskRow | None) -> TaskRow:
    assert node.undo is not None
    template = node.undo.template
    draft.require(keys_of(draft.plan, template.reads))
    body = template.render(Roots(draft, None if template.dynamic else template.reads))
    if earlier is None:
        return structs.replace(undo, input=encode(body))
    delay = retries.retry_delay_ms(node.undo.policy, earlier.attempt - earlier.round, earlier.id)
    return structs.replace(
        undo, input=encode(body), visible_at=draft.now + delay, round=earlier.round
    )


def undo_ended(draft: Draft, row: TaskRow) -> None:
    """An attempt at an undo is over: go on before the step, try again, or wait for a person."""
    node = draft.plan.node(row.ref)
    if row.status in status.SUCCESSFUL:
        draft.do(Close(row.ref))
        draft.log("completed", row.ref, row.attempt)
        for ref in _before(draft, node):
            back_from(draft, ref)
        return
    used = row.attempt - row.round
    policy = timeouts.policy_for(node, row.ref)
    final = row.status == status.FAILED_WITH_TERMINAL_ERROR
    if node.undo and not final and used < policy.retry_count:
        step = draft.task(node.ref)
        assert step is not None
        _begin_undo(draft, node, step, earlier=row)
    else:
        _park(draft, row)


def _park(draft: Draft, row: TaskRow) -> None:
    draft.header.parked += 1
    draft.do(Mark(ref=row.ref, attempt=row.attempt, mark="parked"))
    draft.log("parked", row.ref, row.attempt, reason=row.reason)
    if draft.header.status != status.NEEDS_ATTENTION:
        draft.become(status.NEEDS_ATTENTION)


def retry_undo(draft: Draft, row: TaskRow) -> None:
    """A person asks for one more round of attempts at an undo that gave up."""
    node = draft.plan.node(row.ref)
    step = draft.task(node.ref)
    assert step is not None
    fresh = structs.replace(row, round=row.attempt + 1)
    _begin_undo(draft, node, step, earlier=fresh)
