"""The durable rows of an execution, as values: what a store keeps and the decider reads.

Nothing here grows with the length of a run: the header holds counts and one cursor, never a list.
Payloads are JSON as bytes, decoded only where an expression reads them. Times are epoch
milliseconds, 0 where there is none. `gc=False`: rows hold nothing that could form a ring.
"""

from __future__ import annotations

import msgspec


class Header(msgspec.Struct, gc=False):
    """One execution: identity, status, counts. Constant size.

    The decider works on a copy of its own; nobody else changes one.
    """

    id: str
    workflow: str
    version: int  # of the definition, the author's number
    definition: str  # content hash; a running execution stays pinned to it
    revision: int = 0  # fences writes: each commit adds one
    status: str = ""
    cause: str = ""  # why it is (or was) undone: FAILED, TIMED_OUT, TERMINATED; "UNDO" by a parent
    reason: str = ""
    failed_ref: str = ""
    parent_id: str = ""
    parent_ref: str = ""
    key: str = ""  # start key: at most one execution per workflow and key has no successor
    correlation_id: str = ""
    priority: int = 0
    depth: int = 0  # scopes above it
    created_at: int = 0
    updated_at: int = 0
    ended_at: int = 0
    alarm_at: int = 0  # next time the execution itself must be looked at
    deadline_at: int = 0  # workflow timeout
    seq: int = 0  # number of task records so far
    open: int = 0  # tasks that have not settled
    undoable: int = 0  # steps done whose undo would have something to do
    undoable_open: int = 0  # open tasks that may become so
    parked: int = 0  # undos or steps that gave up and wait for a person
    phase: str = ""  # see core/decide/phases.py
    cursor: str = ""  # how far a chunked pass over the open tasks has come
    pivot: str = ""  # reference name of the pivot step that was reached
    pivot_passed: bool = False
    permissive_failure: str = ""  # first permissive step that failed: the run fails at its end
    successor: str = ""  # ended, and its start key was given to this execution
    ended_by: str = ""  # the step that ended the run; while RUNNING: branches of it are still open

    @property
    def start_key(self) -> tuple[str, str]:
        """What at most one execution has: the workflow's name and the key it was started with."""
        return self.workflow, self.key


class TaskRow(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one step. `ref` of an undo is `undo:` followed by the step's name."""

    execution_id: str
    ref: str
    attempt: int  # 0 for the first
    type: str
    name: str  # the task's name, which is the queue that workers poll
    status: str
    seq: int
    input: bytes = b"{}"
    output: bytes = b""
    reason: str = ""
    worker: str = ""
    service: str = ""
    scheduled_at: int = 0
    first_scheduled_at: int = 0  # of the first attempt
    visible_at: int = 0  # not before this may a worker take it
    started_at: int = 0
    updated_at: int = 0
    ended_at: int = 0
    polls: int = 0
    count: int = 0  # JOIN: arrivals; FORK: branches scheduled
    failed: int = 0  # JOIN: arrivals of permissive steps that failed; FORK: branches walked back
    round: int = 0  # the first attempt since a person last asked for a retry
    child_id: str = ""
    branch: bytes = b""  # FORK_JOIN_DYNAMIC, its JOIN and branches: what was made at run time
    undoable: bool = False  # done (or perhaps done), and its undo would have something to do
    frontier: bool = False  # was open, or failed, when forward progress stopped: undo starts here

    @property
    def id(self) -> str:
        """The task id: made of the execution, the step and the attempt, so no index is needed."""
        return task_id(self.execution_id, self.ref, self.attempt)


class Ready(msgspec.Struct, frozen=True, gc=False):
    """The one row of an open task: queue entry, timer and lease in one.

    `mark` is "" for an open task, and where the way back was interrupted. After forward progress
    stopped it stays as a mark from which an undo, a retry or a resume goes on: "frontier", "held"
    (paused) or "parked" (gave up, waits for a person). A mark has no alarm.

    With the ref "" it is the execution's own: it waits for a place among those of its workflow that
    run at once, or (with the worker PLACE) has one. No page of open tasks has it.
    """

    execution_id: str
    ref: str
    attempt: int
    queue: str = ""  # "" = no worker takes it
    visible_at: int = 0
    alarm_at: int = 0  # 0 = no timer
    worker: str = ""  # who holds the lease
    mark: str = ""
    priority: int = 0  # what waits in a queue is handed out highest first


class Value(msgspec.Struct, frozen=True, gc=False):
    """A named JSON value of an execution: "input", "output", or a prefix and a name.

    "var:" and a variable's name; "progress:" and a step's: what its attempt told last.
    """

    execution_id: str
    name: str
    body: bytes


# What a decision needs to see of one execution: ("task", ref) is the newest attempt of a step,
# ("value", name) a value, ("open", after) the next page of Ready rows with ref > after.
Key = tuple[str, str]
PROGRESS = "progress:"
OWN = ""  # the ref of an execution's own Ready row
PLACE = "place"  # the worker of that row, while the execution has a place
PAGE = 100  # Ready rows in a page, branches scheduled at once, steps walked back at once


def task_id(execution_id: str, ref: str, attempt: int) -> str:
    """The id of a task: `<execution>.<ref>.<attempt>`, ref made safe for a URL path."""
    plain = ref.isascii() and ref.isidentifier()
    safe = ref if plain else "".join(c if _plain(c) else f"~{ord(c):x}~" for c in ref)
    return f"{execution_id}.{safe}.{attempt}"


def _plain(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "_-")


def parse_task_id(value: str) -> tuple[str, str, int] | None:
    """The parts of a task id, or None when it is not one."""
    execution_id, _, rest = value.partition(".")
    safe, _, attempt = rest.rpartition(".")
    if not execution_id or not safe or not attempt.isdecimal():
        return None
    parts = safe.split("~")
    try:
        ref = "".join(p if i % 2 == 0 else chr(int(p, 16)) for i, p in enumerate(parts))
        ref.encode()  # half of a surrogate pair is no text
    except (ValueError, OverflowError):
        return None
    return execution_id, ref, int(attempt)
