"""Conductor's JSON as structs: what has no value is left out, as Conductor does with null."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from pavane.engine.views.shapes import AttentionView

Text = str | UnsetType
Number = int | UnsetType


def empty_object() -> msgspec.Raw:
    """The default of a payload."""
    return msgspec.Raw(b"{}")


class Task(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One attempt at one step."""

    task_type: str
    status: str
    reference_task_name: str
    retry_count: int
    task_def_name: str
    workflow_instance_id: str
    workflow_type: str
    task_id: str
    seq: int = 0
    poll_count: int = 0
    scheduled_time: int = 0
    start_time: int = 0
    end_time: int = 0
    update_time: int = 0
    start_delay_in_seconds: int = 0
    retried: bool = False
    executed: bool = False
    callback_from_worker: bool = True
    response_timeout_seconds: int = 0
    callback_after_seconds: int = 0
    workflow_priority: int = 0
    iteration: int = 0
    loop_over_task: bool = False
    queue_wait_time: int = 0
    first_start_time: int = 0
    correlation_id: Text = UNSET
    reason_for_incompletion: Text = UNSET
    worker_id: Text = UNSET
    retried_task_id: Text = UNSET
    sub_workflow_id: Text = UNSET
    workflow_task: msgspec.Raw | UnsetType = UNSET
    undoes: Text = UNSET  # ours: the step that this task reverses
    input_data: msgspec.Raw = msgspec.field(default_factory=empty_object)
    output_data: msgspec.Raw = msgspec.field(default_factory=empty_object)


class Compensation(msgspec.Struct, frozen=True, rename="camel"):
    """Ours, beside a workflow: how far the way back has come. `status` is Pavane's own."""

    status: str
    cause: str = ""
    failed_reference_task_name: Text = UNSET
    undone: list[str] = []
    attention: list[AttentionView] = []


class Workflow(msgspec.Struct, frozen=True, rename="camel"):
    """One execution."""

    workflow_id: str
    workflow_name: str
    workflow_version: int
    status: str
    create_time: int = 0
    start_time: int = 0
    update_time: int = 0
    end_time: int = 0
    priority: int = 0
    tasks: list[Task] = []
    failed_reference_task_names: list[str] = []
    failed_task_names: list[str] = []
    parent_workflow_id: Text = UNSET
    correlation_id: Text = UNSET
    idempotency_key: Text = UNSET
    reason_for_incompletion: Text = UNSET
    rate_limited: bool = False  # waits for a place among those of its workflow that run at once
    compensation: Compensation | UnsetType = UNSET
    workflow_definition: msgspec.Raw | UnsetType = UNSET
    variables: dict[str, msgspec.Raw] = {}
    input: msgspec.Raw = msgspec.field(default_factory=empty_object)
    output: msgspec.Raw = msgspec.field(default_factory=empty_object)


class WorkflowStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The short answer of `/workflow/{id}/status`."""

    workflow_id: str
    status: str
    correlation_id: Text = UNSET
    output: msgspec.Raw | UnsetType = UNSET
    variables: dict[str, msgspec.Raw] | UnsetType = UNSET


class WorkflowSummary(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a search: times are text, payloads are JSON as text."""

    workflow_type: str
    version: int
    workflow_id: str
    status: str
    start_time: Text = UNSET
    update_time: Text = UNSET
    end_time: Text = UNSET
    input: str = "{}"
    output: str = "{}"
    correlation_id: Text = UNSET
    idempotency_key: Text = UNSET
    reason_for_incompletion: Text = UNSET
    execution_time: int = 0
    failed_reference_task_names: str = ""
    priority: int = 0


class SearchResult(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a search."""

    total_hits: int
    results: list[WorkflowSummary] = []


class BulkResponse(msgspec.Struct, frozen=True, rename="camel"):
    """What became of each of many."""

    bulk_successful_results: list[str] = []
    bulk_error_results: dict[str, str] = {}
    message: str = "Bulk Request has been processed."
