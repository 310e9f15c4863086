"""Our rows in Conductor's words: statuses, tasks and workflows as its clients know them."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, structs

from pavane.core.decide import phases
from pavane.core.decide.fans import decode_made
from pavane.core.decide.nodes import UNDO, parted
from pavane.core.decide.plan import WORKER_TYPE, all_steps
from pavane.core.decide.step_types.human import NO_ANSWER
from pavane.core.model import status as st
from pavane.core.model.rows import Header, TaskRow, task_id
from pavane.core.model.timestamps import format_time
from pavane.core.model.work import NAMELESS, Assignment
from pavane.core.model.workflow import Step
from pavane.doors.rest.conductor.definitions import spelled_out
from pavane.doors.rest.conductor.shapes import (
    Compensation,
    Task,
    Text,
    Workflow,
    WorkflowStatus,
    WorkflowSummary,
)
from pavane.engine.views.records import Record

_GOES_ON = frozenset({st.COMPENSATING, st.NEEDS_ATTENTION})
_FAILED = frozenset({st.FAILED, st.FAILED_WITH_TERMINAL_ERROR, st.TIMED_OUT})
_TYPES = {"FORK_JOIN": "FORK", "FORK_JOIN_DYNAMIC": "FORK"}
_encode = msgspec.json.encode


def status_of(header: Header) -> str:
    """One of Conductor's six: what is being undone goes on, what was undone ended by its cause."""
    if header.status in _GOES_ON:
        return st.RUNNING
    if header.status != st.COMPENSATED:
        return header.status
    return header.cause if header.cause in st.UNSUCCESSFUL else st.TERMINATED


def polled(given: Assignment, response_timeout_s: float) -> Task:
    """A task as the worker that has just taken it sees it."""
    return Task(
        task_type=given.task,
        status=st.IN_PROGRESS,
        reference_task_name=given.ref,
        retry_count=given.attempt,
        task_def_name=given.task,
        workflow_instance_id=given.execution_id,
        workflow_type=given.workflow,
        task_id=task_id(given.execution_id, given.ref, given.attempt),
        seq=given.seq,
        poll_count=given.polls,
        scheduled_time=given.scheduled_at,
        start_time=given.started_at,
        update_time=given.started_at,
        response_timeout_seconds=int(response_timeout_s),
        workflow_priority=given.priority,
        queue_wait_time=max(0, given.started_at - given.scheduled_at),
        correlation_id=given.correlation_id or UNSET,
        worker_id=_worker(given.worker),
        undoes=given.ref.removeprefix(UNDO) if given.is_undo else UNSET,
        input_data=msgspec.Raw(given.input or b"{}"),
    )


def task(
    row: TaskRow,
    header: Header,
    *,
    retried: bool = False,
    step: msgspec.Raw | None = None,
    iteration: int = 0,
) -> Task:
    """One attempt as it is recorded."""
    kind = row.name if row.type == WORKER_TYPE else _TYPES.get(row.type, row.type)
    return Task(
        task_type=kind,
        status=row.status,
        reference_task_name=row.ref,
        retry_count=row.attempt,
        task_def_name=row.name,
        workflow_instance_id=row.execution_id,
        workflow_type=header.workflow,
        task_id=row.id,
        seq=row.seq,
        poll_count=row.polls,
        scheduled_time=row.scheduled_at,
        start_time=row.started_at,
        end_time=row.ended_at,
        update_time=row.updated_at,
        retried=retried,
        iteration=iteration,
        loop_over_task=iteration > 0,
        executed=row.status not in st.OPEN,
        workflow_priority=header.priority,
        queue_wait_time=max(0, row.started_at - row.scheduled_at) if row.started_at else 0,
        first_start_time=row.started_at,
        correlation_id=header.correlation_id or UNSET,
        reason_for_incompletion=row.reason or UNSET,
        worker_id=_worker(row.worker),
        retried_task_id=task_id(row.execution_id, row.ref, row.attempt - 1)
        if row.attempt
        else UNSET,
        sub_workflow_id=row.child_id or UNSET,
        workflow_task=step or UNSET,
        undoes=row.ref.removeprefix(UNDO) if row.ref.startswith(UNDO) else UNSET,
        input_data=msgspec.Raw(row.input or b"{}"),
        output_data=msgspec.Raw(b"{}" if row.output in (b"", NO_ANSWER) else row.output),
    )


def tasks(record: Record) -> list[Task]:
    """Every attempt of every step, by seq."""
    newest = _newest(record)
    steps = {
        step.ref: msgspec.Raw(_encode(spelled_out(step)))
        for step in all_steps(record.workflow.tasks)
    }
    found: list[Task] = []
    for row in record.tasks:
        ref, path = parted(row.ref, steps)
        retried = newest[row.ref].attempt > row.attempt
        step, iteration = steps.get(ref), path[-1] if path else 0
        if step is None and row.branch:  # made at run time
            made = decode_made(row.branch)
            step = made.step and msgspec.Raw(_encode(spelled_out(_named(made.step, row.ref))))
        found.append(task(row, record.header, retried=retried, step=step, iteration=iteration))
    return found


def _named(step: Step, ref: str) -> Step:
    return structs.replace(step, task_reference_name=ref)


def workflow(record: Record, *, with_tasks: bool = True) -> Workflow:
    """One execution, with its definition as it was when it began."""
    header = record.header
    newest = _newest(record).values()
    failed = [row for row in newest if row.status in _FAILED and not row.ref.startswith(UNDO)]
    return Workflow(
        workflow_id=header.id,
        workflow_name=header.workflow,
        workflow_version=header.version,
        status=status_of(header),
        create_time=header.created_at,
        start_time=header.created_at,
        update_time=header.updated_at,
        end_time=header.ended_at,
        priority=header.priority,
        tasks=tasks(record) if with_tasks else [],
        failed_reference_task_names=[row.ref for row in failed],
        failed_task_names=[row.name for row in failed],
        parent_workflow_id=header.parent_id or UNSET,
        correlation_id=header.correlation_id or UNSET,
        idempotency_key=header.key or UNSET,
        reason_for_incompletion=header.reason or UNSET,
        rate_limited=header.phase == phases.QUEUED,
        compensation=_compensation(record) if _is_undone(record) else UNSET,
        workflow_definition=msgspec.Raw(_encode(spelled_out(record.workflow))),
        variables=_variables(record),
        input=_value(record, "input"),
        output=_value(record, "output"),
    )


def short_status(record: Record, *, output: bool, variables: bool) -> WorkflowStatus:
    """The status alone, with what was asked for beside it."""
    return WorkflowStatus(
        workflow_id=record.header.id,
        status=status_of(record.header),
        correlation_id=record.header.correlation_id or UNSET,
        output=_value(record, "output") if output else UNSET,
        variables=_variables(record) if variables else UNSET,
    )


def summary(record: Record) -> WorkflowSummary:
    """A line of a search."""
    header = record.header
    ended = header.ended_at
    return WorkflowSummary(
        workflow_type=header.workflow,
        version=header.version,
        workflow_id=header.id,
        status=status_of(header),
        start_time=_time(header.created_at),
        update_time=_time(header.updated_at),
        end_time=_time(ended),
        input=bytes(_value(record, "input")).decode(),
        output=bytes(_value(record, "output")).decode(),
        correlation_id=header.correlation_id or UNSET,
        idempotency_key=header.key or UNSET,
        reason_for_incompletion=header.reason or UNSET,
        execution_time=ended - header.created_at if ended else 0,
        failed_reference_task_names=header.failed_ref,
        priority=header.priority,
    )


def _newest(record: Record) -> dict[str, TaskRow]:
    return {row.ref: row for row in sorted(record.tasks, key=lambda row: row.attempt)}


def _is_undone(record: Record) -> bool:
    ours = (st.COMPENSATING, st.COMPENSATED, st.NEEDS_ATTENTION)
    return record.header.status in ours or any(row.ref.startswith(UNDO) for row in record.tasks)


def _compensation(record: Record) -> Compensation:
    header = record.header
    undos = [row for row in _newest(record).values() if row.ref.startswith(UNDO)]
    return Compensation(
        status=header.status,
        cause=header.cause,
        failed_reference_task_name=header.failed_ref or UNSET,
        undone=[row.ref.removeprefix(UNDO) for row in undos if row.status == st.COMPLETED],
        attention=list(record.attention),
    )


def _variables(record: Record) -> dict[str, msgspec.Raw]:
    return {
        name.removeprefix("var:"): msgspec.Raw(body)
        for name, body in record.values.items()
        if name.startswith("var:")
    }


def _value(record: Record, name: str) -> msgspec.Raw:
    return msgspec.Raw(record.values.get(name) or b"{}")


def _worker(name: str) -> Text:
    return UNSET if name in {"", NAMELESS} else name


def _time(at: int) -> Text:
    return format_time(at) if at else UNSET
