"""What happens inside a role: results and timers come in, things to do go out. Data, not deeds."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from pavane.core.projection.message import At

# --- in -----------------------------------------------------------------------------------------


class Attempted(msgspec.Struct, frozen=True, gc=False):
    """An attempt has ended. `status` as in `core.model.work.OutcomeStatus`, without IN_PROGRESS."""

    node: str
    at: At
    attempt: int
    status: str
    undo: bool = False
    output: bytes = b"{}"
    reason: str = ""
    perhaps: bool = False  # it failed, and may have taken effect all the same


class Lost(msgspec.Struct, frozen=True, gc=False):
    """The process that had the attempt in its hands died: nobody knows what became of it."""

    node: str
    at: At
    attempt: int
    undo: bool = False


Timer = Literal["retry", "undo", "deadline", "grace", "wait", "scope", "again"]


class Rang(msgspec.Struct, frozen=True, gc=False):
    """A time that was asked for has come; `node` is a scope's path where `what` is "scope"."""

    what: Timer
    node: str
    at: At


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """The token to this node could not be delivered, and nobody will try again by itself."""

    node: str
    at: At


class Happened(msgspec.Struct, frozen=True, gc=False):
    """An event that the step may be waiting for: its type and the fields that must be equal are."""

    node: str
    at: At
    queue: str
    data: bytes


Local = Attempted | Lost | Rang | DeadLetter | Happened

# --- out ----------------------------------------------------------------------------------------


class Run(msgspec.Struct, frozen=True, gc=False):
    """Call the task of a step, or its undo, with this input; report how it ended."""

    node: str
    at: At
    attempt: int
    task: str
    input: bytes
    undo: bool = False
    deadline: int = 0  # epoch ms; 0 = none
    silence: int = 0  # a sign of life is wanted so often (ms)
    since: int = 0  # of an undo: when its step was first begun (epoch ms)


class Arm(msgspec.Struct, frozen=True, gc=False):
    """Ring at `due` (epoch ms); replaces the timer of the same name."""

    what: Timer
    node: str
    at: At
    due: int


class Disarm(msgspec.Struct, frozen=True, gc=False):
    """The timer is not wanted any more."""

    what: Timer
    node: str
    at: At


class Interrupt(msgspec.Struct, frozen=True, gc=False):
    """The result is no longer wanted: ask it to stop; its end is reported all the same."""

    node: str
    at: At
    attempt: int


class Publish(msgspec.Struct, frozen=True, gc=False):
    """Tell of an event; its id is the same whenever the step is done."""

    node: str
    at: At
    type: str
    id: str
    data: bytes


class Await(msgspec.Struct, frozen=True, gc=False):
    """The step waits for an event of this queue, be it one that has come before."""

    node: str
    at: At
    queue: str


class Forget(msgspec.Struct, frozen=True, gc=False):
    """The step waits for no event any more."""

    node: str
    at: At
    queue: str


class Over(msgspec.Struct, frozen=True, gc=False):
    """Nothing of the execution is open at this role's root scope: it may be pruned in time.

    `again`: what was over is taken back, so it is not.
    """

    status: str
    again: bool = False


Command = Run | Arm | Disarm | Interrupt | Publish | Await | Forget | Over

GRACE_MS: Final = 10_000  # how long a late attempt is waited for before it counts as lost
