"""Facts: what happened outside the core and is given to it, one at a time, to decide upon."""

from __future__ import annotations

import msgspec

from pavane.core.model.rows import Header


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to one execution."""


class Started(Fact, frozen=True, gc=False):
    """Somebody started the execution (its header exists only as a draft so far)."""

    input: bytes = b"{}"


class Admitted(Fact, frozen=True, gc=False):
    """There is a place for the execution, which waits for one, in this queue."""

    queue: str


class Claimed(Fact, frozen=True, gc=False):
    """A worker took the task of a step."""

    ref: str
    attempt: int
    worker: str
    delay_ms: int = 0


class Reported(Fact, frozen=True, gc=False):
    """A worker told the outcome of an attempt. `status` as in `work.OutcomeStatus`.

    `worker` "" says nothing about who it was: then whoever reports is believed.
    """

    ref: str
    attempt: int
    status: str
    output: bytes = b"{}"
    reason: str = ""
    callback_after_s: float = 0
    worker: str = ""
    perhaps_done: bool = False


class Heartbeat(Fact, frozen=True, gc=False):
    """A worker is alive and still at it; `progress` is JSON that says how far, b"" nothing."""

    ref: str
    attempt: int
    worker: str = ""
    progress: bytes = b""


class Returned(Fact, frozen=True, gc=False):
    """Who held the task is gone, as far as anybody knows: the same attempt goes back to the queue.

    `worker` says whom; "" whoever holds it. `begun` False: it never heard of the task.
    """

    ref: str
    attempt: int
    worker: str = ""
    begun: bool = True


class AlarmRang(Fact, frozen=True, gc=False):
    """A time that was asked for has come; ref "" is the execution's own alarm."""

    ref: str = ""


class Signalled(Fact, frozen=True, gc=False):
    """Somebody completed (or failed) a waiting step from outside."""

    ref: str
    status: str = "COMPLETED"
    output: bytes = b"{}"
    reason: str = ""  # why it failed, in words


class PauseRequested(Fact, frozen=True, gc=False):
    """Schedule nothing new."""


class ResumeRequested(Fact, frozen=True, gc=False):
    """Go on after a pause."""


class RetryRequested(Fact, frozen=True, gc=False):
    """Try again what failed; only where nothing was undone."""


class TerminateRequested(Fact, frozen=True, gc=False):
    """Stop; undo what was done unless told otherwise."""

    reason: str = ""
    undo: bool = True


class Resolved(Fact, frozen=True, gc=False):
    """A person settled something that had given up: "retry", "done" or "abandon"."""

    ref: str
    action: str
    output: bytes = b"{}"


class MoveRequested(Fact, frozen=True, gc=False):
    """Go on by another definition, the one with this content hash."""

    definition: str


class AbortedByParent(Fact, frozen=True, gc=False):
    """The execution that started this one stops; with undo=False nothing is undone."""

    reason: str = ""
    undo: bool = True


class UndoRequested(Fact, frozen=True, gc=False):
    """The execution that started this one needs it undone, although it completed."""


class ChildEnded(Fact, frozen=True, gc=False):
    """An execution that a step started has ended: forward, or by its own abort.

    If a step of it failed, `step` is the name of its task and `why` what that said; if it ended
    itself by a TERMINATE, it was `raised`, and `why` is the reason given there.
    """

    ref: str
    attempt: int
    status: str
    cause: str = ""
    reason: str = ""
    output: bytes = b"{}"
    undoable: bool = False
    step: str = ""
    why: str = ""
    raised: bool = False


class KeyWanted(Fact, frozen=True, gc=False):
    """Somebody wants to start an execution with the key of this one, which must have ended.

    `header` is the new one's. `told` is the step that wants it, with its execution and attempt.
    """

    header: Header
    input: bytes
    told: tuple[str, str, int] | None = None


class Launched(Fact, frozen=True, gc=False):
    """A step was to start an execution that goes its own way: its id, or "" and why there is none.

    Nothing is heard of it afterwards.
    """

    ref: str
    attempt: int
    execution_id: str = ""
    reason: str = ""


class ChildUndone(Fact, frozen=True, gc=False):
    """A completed child has been undone, as asked; or its people gave it up as it stands."""

    ref: str
    undone: bool = True
    reason: str = ""


class ChildPivot(Fact, frozen=True, gc=False):
    """A pivot inside a child was reached, passed, or has failed and can be turned back."""

    ref: str
    reached: bool
    passed: bool = False
