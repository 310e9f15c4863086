"""What a role remembers of an execution: small rows, each under the coordinate that it is about.

The rows are the duplicate guard, the tombstones and the state of record (abort-protocol, section
3). They are immutable and hashable, so that the explorer can tell states apart. An absent row is
idle.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from pavane.core.projection.message import At, Reported

# --- steps --------------------------------------------------------------------------------------

READY: Final = "ready"  # its token is here, data that it reads is not
ASKING: Final = "asking"  # a pivot waits for permission
RUNNING: Final = "running"  # an attempt is at work, or queued
RETRYING: Final = "retrying"  # waits for the time of the next attempt
LOOPING: Final = "looping"  # a DO_WHILE: an iteration is under way
WAITING: Final = "waiting"  # a WAIT: for its time, a signal or an event
DONE: Final = "done"
FAILED: Final = "failed"  # for good, and nothing stands
LATE: Final = "late"  # its time is up, its last attempt may still succeed
UNKNOWN: Final = "unknown"  # nobody knows whether it happened; is undone like done
CANCELLED: Final = "cancelled"  # frozen before it could do anything
UNDOING: Final = "undoing"
UNDONE: Final = "undone"
PARKED: Final = "parked"  # its undo gave up and waits for a person

STEP_CHANGES: Final[dict[str, frozenset[str]]] = {
    "": frozenset({READY, ASKING, RUNNING, RETRYING, LOOPING, WAITING, DONE, FAILED, CANCELLED}),
    READY: frozenset({ASKING, RUNNING, RETRYING, LOOPING, WAITING, DONE, FAILED, CANCELLED}),
    ASKING: frozenset({RUNNING, RETRYING, FAILED}),
    RUNNING: frozenset({RETRYING, DONE, FAILED, LATE, UNKNOWN, CANCELLED}),
    RETRYING: frozenset({RUNNING, CANCELLED, UNKNOWN, FAILED}),
    LOOPING: frozenset({DONE, FAILED, CANCELLED}),
    WAITING: frozenset({DONE, FAILED, CANCELLED}),
    DONE: frozenset({UNDOING}),
    FAILED: frozenset({RUNNING, DONE}),  # a person settles what failed behind the pivot
    LATE: frozenset({DONE, FAILED, UNKNOWN}),
    UNKNOWN: frozenset({UNDOING, RUNNING, DONE}),  # a person settles it, as above
    CANCELLED: frozenset(),
    UNDOING: frozenset({UNDONE, PARKED}),
    UNDONE: frozenset(),
    PARKED: frozenset({UNDOING, UNDONE}),
}
"""From each status of a step, the statuses it may change to ("" = no row)."""

NEVER_CAME: Final = "its message could not be delivered"
NOT_SETTLED: Final = "not settled"  # so begins what is told to a person who asked in vain
STILL_MOVING: Final = frozenset({RUNNING, LATE, UNDOING})
STANDING: Final = frozenset({DONE, UNKNOWN})  # to be undone

# --- scopes, at their home ----------------------------------------------------------------------

OPEN: Final = "open"
LOCKED: Final = "locked"  # a pivot asked, and so did we: nothing may abort us any more from inside
COMMITTED: Final = "committed"  # there is no way back
CLOSING: Final = "closing"  # the end was reached; losers of any-joins are still being undone
CLOSED: Final = "closed"
ABORTING: Final = "aborting"
ABORTED: Final = "aborted"
REVERTING: Final = "reverting"  # closed, and being undone because the parent is
REVERTED: Final = "reverted"
DEAD: Final = "dead"  # cancelled before it began

SCOPE_CHANGES: Final[dict[str, frozenset[str]]] = {
    "": frozenset({OPEN, DEAD}),
    OPEN: frozenset({LOCKED, COMMITTED, CLOSING, CLOSED, ABORTING}),
    LOCKED: frozenset({COMMITTED, ABORTING}),
    COMMITTED: frozenset({CLOSING, CLOSED, ABORTING}),  # aborting: its pivot failed
    CLOSING: frozenset({CLOSED, REVERTING, ABORTING}),  # aborting: a person gave it up
    CLOSED: frozenset({REVERTING}),
    ABORTING: frozenset({ABORTED}),
    ABORTED: frozenset(),
    REVERTING: frozenset({REVERTED}),
    REVERTED: frozenset(),
    DEAD: frozenset(),
}
"""From each status of a scope, the statuses it may change to ("" = no row)."""

GOING_BACK: Final = frozenset({ABORTING, REVERTING})
SCOPE_MOVING: Final = frozenset({OPEN, LOCKED, COMMITTED, CLOSING, ABORTING, REVERTING})

# Reasons to go back; each is answered at the end.
OWN: Final = "own"
BY_PARENT: Final = "parent"
BY_CANCEL: Final = "cancel"
BY_UNDO: Final = "undo"


class Key(NamedTuple):
    """Where a row stands: its scope instance, its kind, its name (a node's id), its coordinate."""

    scope: str
    generation: At
    kind: str  # "step", "gate", "scope", "freeze", "value"
    name: str
    at: At


class StepRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="step"):
    """A step, wait, choice or other node that begins and ends. Times are epoch ms."""

    status: str
    attempt: int = 0
    round: int = 0  # first attempt since a person asked for another try
    input: bytes = b""
    output: bytes = b""
    reason: str = ""
    cause: str = ""
    due: int = 0  # RETRYING, WAITING: when it goes on
    begun: int = 0  # when the first attempt was made
    started: int = 0  # when the present attempt was made
    perhaps: bool = False  # an earlier attempt may have happened
    undo_attempt: int = 0
    undo_round: int = 0
    undo_started: int = 0
    undo_input: bytes = b""
    came: str = ""  # READY: where its token came from


class Arrival(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What came to a join."""

    source: str
    at: At
    outcome: str
    reason: str = ""  # why an optional step came without success


class GateRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="gate"):
    """A join: what has arrived, whether it fired, and the losers that have yet to answer."""

    arrivals: tuple[Arrival, ...] = ()
    count: int = -1  # for-each: how many there are, once known
    fired: bool = False
    failed: bool = False
    losers: tuple[tuple[str, At], ...] = ()  # branches that were cancelled and have not answered
    asked: bool = False  # the home waits for them


class Undoing(msgspec.Struct, frozen=True, gc=False):
    """A line of a home's list of what is to be undone; `sent` when it was asked for."""

    node: str
    at: At
    sent: bool = False


class ScopeRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="scope"):
    """A scope instance, at its home: one status on one row, decided once."""

    status: str
    input: bytes = b""
    output: bytes = b""
    cause: str = ""
    reason: str = ""
    failed_ref: str = ""
    reasons: tuple[str, ...] = ()
    asked: tuple[tuple[str, At], ...] = ()  # pivots (nodes here) that asked for permission
    answered: tuple[str, ...] = ()  # members that are frozen
    left: tuple[Undoing, ...] = ()  # what is to be undone
    undone: bool = False  # something was
    settling: tuple[str, ...] = ()  # joins whose losers have not all answered
    human: tuple[tuple[str, At], ...] = ()  # what gave up and waits for a person
    abandoned: bool = False  # a person gave it up as it stands
    deadline: int = 0
    begun: int = 0
    key: str = ""
    correlation: str = ""


class FreezeRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="freeze"):
    """This role is frozen in the scope instance: the tombstone of all that has not begun there."""

    answered: bool = False


class ValueRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="value"):
    """Data of another role's step that a step here reads: only the parts that it reads."""

    body: bytes = b"null"


Row = StepRow | GateRow | ScopeRow | FreezeRow | ValueRow

__all__ = ["Reported"]
