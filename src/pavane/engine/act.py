"""After a commit: answer, start workers, wake who waits. Nothing here can undo the commit."""

from __future__ import annotations

from pavane.core.decide import timeouts
from pavane.core.decide.branches import node_of
from pavane.core.decide.event_waits import PREFIX
from pavane.core.decide.nodes import Node
from pavane.core.model import status
from pavane.core.model.fact import Claimed
from pavane.core.model.rows import Header, TaskRow
from pavane.core.model.work import Assignment
from pavane.engine.batch import Batch
from pavane.engine.request import Request
from pavane.engine.waiting import Waiting
from pavane.engine.work_set import WorkSet
from pavane.ports.dispatcher import Dispatcher

UNDO = "undo:"


def assignment(work: WorkSet, row: TaskRow) -> Assignment:
    """What the worker that leased the attempt is told."""
    assert work.plan is not None and work.rows is not None
    header = work.rows.header
    policy = timeouts.policy_for(work.plan, row)
    lease = work.ready.get(row.ref)
    is_undo = row.ref.startswith(UNDO)
    return Assignment(
        execution_id=row.execution_id,
        ref=row.ref,
        attempt=row.attempt,
        task=row.name,
        service=row.service,
        workflow=work.plan.workflow.name,
        input=row.input,
        idempotency_key=f"{row.execution_id}:{row.ref}",
        worker=row.worker,
        is_undo=is_undo,
        scheduled_at=row.scheduled_at,
        lease_until=lease.alarm_at if lease else 0,
        deadline_at=timeouts.ends_at(policy, row),
        started_at=row.started_at,
        seq=row.seq,
        polls=row.polls,
        correlation_id=header.correlation_id,
        priority=header.priority,
        reverses=_reversed(node_of(work.plan, row), row) if is_undo else "",
        since=header.created_at if is_undo else 0,
    )


def _reversed(node: Node, undo: TaskRow) -> str:
    """The task of the step, for whoever did it: another service knows nothing of it."""
    known = node.service == undo.service and node.type != "DYNAMIC"
    return node.step.name if known else ""


def answer(batch: Batch) -> None:
    """Give every request its result; a worker that polled gets the assignment."""
    again = set(map(id, batch.lost))
    for request in batch.requests:
        if id(request) in again:
            continue
        if isinstance(request.fact, Claimed) and request.error is None:
            request.result = _claimed(batch, request, request.fact)
        request.answer()


def _claimed(batch: Batch, request: Request, fact: Claimed) -> Assignment | None:
    work = batch.work.get(request.execution_id)
    if not request.result or work is None or work.rows is None:
        return None
    row = work.rows.tasks.get(fact.ref)
    if row is None or holder_of(row, fact.attempt) != fact.worker:
        return None
    return assignment(work, row)


def holder_of(row: TaskRow | None, attempt: int) -> str:
    """The worker that has this attempt now, or ""."""
    held = row is not None and row.attempt == attempt and row.status == status.IN_PROGRESS
    return row.worker if row is not None and held else ""


def dispatch(won: list[WorkSet], dispatcher: Dispatcher) -> None:
    """Start what workers took with the commit, and stop what is no longer wanted."""
    for work in won:
        for (ref, attempt), (task, worker) in work.reserved.items():
            assert work.rows is not None
            row = work.rows.tasks.get(ref)
            if row is not None and holder_of(row, attempt):
                dispatcher.run(assignment(work, row))
            else:
                dispatcher.give_back(task, worker)
        for interrupt in work.interrupts:
            dispatcher.interrupt(work.id, interrupt.ref, interrupt.attempt)


def tell(won: list[WorkSet], waiting: Waiting) -> None:
    """Tell whoever follows these executions, or waits for their end."""
    for work in won:
        assert work.rows is not None
        waiting.changed(work.id)
        if work.finished and is_over(work.rows.header):
            waiting.ended(work.rows.header)


def next_alarm(won: list[WorkSet]) -> int:
    """The earliest alarm that the executions have set in this commit; 0 when none."""
    earliest = 0
    for work in won:
        assert work.rows is not None
        alarms = [work.rows.header.alarm_at]
        alarms += [ready.alarm_at for ready in work.ready.values() if ready is not None]
        for at in alarms:
            if at and (not earliest or at < earliest):
                earliest = at
    return earliest


def event_queues(won: list[WorkSet]) -> set[str]:
    """The queues in which steps wait for events since this commit."""
    return {
        ready.queue
        for work in won
        for ready in work.ready.values()
        if ready is not None and ready.queue.startswith(PREFIX)
    }


def is_over(header: Header) -> bool:
    """Whether whoever waits for the execution may be told: it ended, or waits for a person."""
    return header.status in status.ENDED or header.status == status.NEEDS_ATTENTION
