"""What our own API answers with, where it is no view of the engine's: for its document."""

from __future__ import annotations

from typing import Literal

import msgspec

from pavane.core.model.task_definition import TaskDefinition
from pavane.doors.rest.native.definitions import WorkflowEntry
from pavane.engine.views.shapes import ExecutionSummary, HistoryEntry, null


class Health(msgspec.Struct, frozen=True):
    """Whether the server takes requests."""

    status: Literal["ok", "stopping"]
    healthy: bool


class Workflows(msgspec.Struct, frozen=True):
    """Workflows in all their versions."""

    workflows: list[WorkflowEntry]


class Tasks(msgspec.Struct, frozen=True):
    """Task definitions."""

    tasks: list[TaskDefinition]


class Names(msgspec.Struct, frozen=True):
    """The names of the task definitions that were registered."""

    tasks: list[str]


class Started(msgspec.Struct, frozen=True):
    """The execution that was started, or was there under its key."""

    id: str


class Found(msgspec.Struct, frozen=True):
    """A page of executions; `next` is the `before` of the following one."""

    executions: list[ExecutionSummary]
    next: str | None


class History(msgspec.Struct, frozen=True):
    """What happened, oldest first."""

    history: list[HistoryEntry]


class Stand(msgspec.Struct, frozen=True):
    """How an execution stands now."""

    id: str
    status: str
    reason: str


class Result(msgspec.Struct, frozen=True):
    """How an execution ended."""

    id: str
    status: str
    reason: str
    cause: str
    output: msgspec.Raw = msgspec.field(default_factory=null)
