"""What a view of an execution is made of; on the wire the names are camelCase.

Times are epoch milliseconds, 0 where there is none. Payloads stay JSON text: they are not decoded
on their way from the store to the reader.
"""

from __future__ import annotations

from typing import Final

import msgspec

UNDONE: Final = "UNDONE"
"""Shown instead of COMPLETED for a step whose undo has completed. No stored row has this status."""

NULL: Final = msgspec.Raw(b"null")


def null() -> msgspec.Raw:
    """The default of a payload (as a function, so that JSON schemas can be made of the shapes)."""
    return NULL


class AttemptView(msgspec.Struct, frozen=True, rename="camel"):
    """An earlier attempt at a step, and why there is a later one."""

    attempt: int  # 1 for the first
    status: str
    reason: str = ""
    started_at: int = 0
    ended_at: int = 0


class StepView(msgspec.Struct, frozen=True, rename="camel"):
    """A step as it stands after its newest attempt. An undo is a step of its own: see `undoes`."""

    ref: str
    task: str
    service: str
    type: str
    status: str  # a task status, or UNDONE
    attempts: int
    reason: str = ""
    undo: str = ""  # status of the step's undo, "" where there is none
    undoes: str = ""  # for an undo: the step that it reverses
    waits: str = ""  # why nobody may take it yet, where its task has limits
    child_id: str = ""  # the execution that the step started
    fork: str = ""  # of a branch made at run time: the FORK_JOIN_DYNAMIC that made it
    worker: str = ""
    scheduled_at: int = 0
    started_at: int = 0
    ended_at: int = 0
    input: msgspec.Raw = msgspec.field(default_factory=null)
    output: msgspec.Raw = msgspec.field(default_factory=null)
    progress: msgspec.Raw = msgspec.field(default_factory=null)  # while it is in progress
    earlier: list[AttemptView] = []


class AttentionView(msgspec.Struct, frozen=True, rename="camel"):
    """Something that waits for a person, and what the person can do about it."""

    ref: str
    task: str
    reason: str
    actions: list[str]


class SetAsideView(msgspec.Struct, frozen=True, rename="camel"):
    """A message of the execution, or of its flow, that stopped: one of the dead letters."""

    id: str
    kind: str
    service: str
    type: str
    reason: str
    since: int


class ExecutionSummary(msgspec.Struct, frozen=True, rename="camel"):
    """One line in a list of executions."""

    id: str
    workflow: str
    version: int
    status: str
    style: str = "orchestrated"
    cause: str = ""
    reason: str = ""
    key: str = ""
    parent_id: str = ""
    created_at: int = 0
    updated_at: int = 0
    ended_at: int = 0


class ExecutionView(msgspec.Struct, frozen=True, rename="camel"):
    """One execution with all its steps, in the order in which they were first scheduled."""

    id: str
    workflow: str
    version: int
    status: str
    newest_version: int = 0  # of its workflow that is registered; 0: nobody here knows
    style: str = "orchestrated"
    cause: str = ""
    reason: str = ""
    failed_ref: str = ""
    key: str = ""
    correlation_id: str = ""
    parent_id: str = ""
    parent_ref: str = ""
    priority: int = 0
    waits: str = ""  # why it does not begin yet, where its workflow has a limit
    created_at: int = 0
    updated_at: int = 0
    ended_at: int = 0
    input: msgspec.Raw = msgspec.field(default_factory=null)
    output: msgspec.Raw = msgspec.field(default_factory=null)
    variables: dict[str, msgspec.Raw] = {}
    steps: list[StepView] = []
    attention: list[AttentionView] = []
    set_aside: list[SetAsideView] = []


class Misfit(msgspec.Struct, frozen=True):
    """A step that has begun and that the other version has no place for; "": it is the whole."""

    step: str
    reason: str


class MoveView(msgspec.Struct, frozen=True, rename="camel"):
    """Whether an execution can go on by another version, and whether it does now."""

    id: str
    workflow: str
    before: int  # the version that it followed
    version: int
    fits: bool
    moved: bool = False
    reasons: list[Misfit] = []


class StandingGroup(msgspec.Struct, rename="camel"):
    """Executions that stand at the same steps, and that could be moved alike."""

    at: list[str]  # the steps that are open
    status: str
    count: int
    fits: bool | None = None  # None: nobody asked for another version
    reason: str = ""  # why they could not be moved: one of the reasons
    examples: list[str] = []  # some of their ids


class StandingView(msgspec.Struct, rename="camel"):
    """Executions by one version that have not ended, counted by where they stand.

    `more`: there are more than were looked at.
    """

    workflow: str
    version: int
    to: int | None
    executions: int
    more: bool
    groups: list[StandingGroup]


class HistoryEntry(msgspec.Struct, frozen=True, rename="camel"):
    """What one commit recorded about an execution: a list of facts and commands, as JSON."""

    position: int
    at: int
    entries: msgspec.Raw = msgspec.field(default_factory=null)
