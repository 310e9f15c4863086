"""Commands: what should be done about a decision. Data, not deeds; the engine carries them out."""

from __future__ import annotations

from typing import Literal

import msgspec

from pavane.core.model.fact import Fact
from pavane.core.model.rows import Header
from pavane.core.model.workflow import SubWorkflow

IfExists = Literal["return", "fail", "fail_if_running"]
"""What a start means whose key somebody has: that execution; an error; the same while it runs."""


class Command(msgspec.Struct, frozen=True, gc=False):
    """Something to do."""


class Offer(Command, frozen=True, gc=False):
    """Put the attempt in its queue, to be taken not before `visible_at`."""

    ref: str
    attempt: int
    queue: str
    visible_at: int
    alarm_at: int = 0


class Lease(Command, frozen=True, gc=False):
    """The worker has the attempt; ring if it gives no sign of life until `alarm_at`."""

    ref: str
    attempt: int
    queue: str
    worker: str
    alarm_at: int = 0


class Wait(Command, frozen=True, gc=False):
    """The task is open and no worker's business; ring at `alarm_at` (0: never).

    With a `queue` it waits for an event, which finds it there.
    """

    ref: str
    attempt: int
    alarm_at: int = 0
    queue: str = ""


class Mark(Command, frozen=True, gc=False):
    """Forward progress stops here ("frontier"), or is held here ("held")."""

    ref: str
    attempt: int
    mark: str
    alarm_at: int = 0


class Close(Command, frozen=True, gc=False):
    """The task is over: no queue, no timer, no lease."""

    ref: str


class Enter(Command, frozen=True, gc=False):
    """The execution wants a place: it stands in this queue behind all others.

    Or, where it stood there before, where it stood by `since` (epoch ms).
    """

    queue: str
    since: int = 0


class Hold(Command, frozen=True, gc=False):
    """The execution has a place in this queue."""

    queue: str


class Interrupt(Command, frozen=True, gc=False):
    """Tell the worker that its result is no longer wanted."""

    ref: str
    attempt: int
    worker: str


class StartChild(Command, frozen=True, gc=False):
    """Start another execution for a step, in the same transaction."""

    child_id: str
    ref: str
    what: SubWorkflow
    definition: str  # content hash of a definition in place, or "" to look up by name
    input: bytes


class Launch(Command, frozen=True, gc=False):
    """Start an execution that goes its own way, in the same transaction; tell what came of it."""

    ref: str
    attempt: int
    execution_id: str
    name: str
    version: int | None
    input: bytes
    correlation_id: str
    priority: int
    key: str = ""
    if_exists: IfExists = "return"


class Begin(Command, frozen=True, gc=False):
    """Start this execution, in the same transaction."""

    header: Header
    input: bytes


class Tell(Command, frozen=True, gc=False):
    """Give a fact to another execution, in the same transaction."""

    execution_id: str
    fact: Fact


class StartFailureWorkflow(Command, frozen=True, gc=False):
    """Start the workflow that deals with a failure."""

    name: str
    child_id: str
    input: bytes


class Finished(Command, frozen=True, gc=False):
    """The execution ended, or waits for a person: whoever waits for it may be told."""

    status: str
