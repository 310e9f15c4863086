"""What passes between the engine and whoever does the work: assignments out, outcomes back."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

OutcomeStatus = Literal[
    "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED", "IN_PROGRESS"
]


REASON_MAX: Final = 4000
"""Characters that are kept of what somebody gives as the reason of a failure."""

NAMELESS: Final = "?"
"""A worker that did not say who it is: whoever reports for it is believed."""


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one step, leased to a worker.

    `idempotency_key` is the same for every attempt and redelivery of the step. `input` is JSON.
    Times are epoch milliseconds, 0 where there is none. Of an undo, `reverses` names the task of
    the step, and before `since` the step cannot have begun; empty where nobody says.
    """

    execution_id: str
    ref: str
    attempt: int
    task: str
    service: str
    workflow: str
    input: bytes
    idempotency_key: str
    worker: str = ""
    is_undo: bool = False
    scheduled_at: int = 0
    lease_until: int = 0  # report or give a sign of life before this
    deadline_at: int = 0  # end of this attempt's time, where it ends the attempt
    started_at: int = 0
    seq: int = 0  # of the task record in its execution
    polls: int = 0  # how often it was taken, this time included
    correlation_id: str = ""
    priority: int = 0
    reverses: str = ""
    since: int = 0


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of an assignment.

    FAILED may be tried again, FAILED_WITH_TERMINAL_ERROR may not; TIMED_OUT is what the engine says
    too when `deadline_at` has passed, whoever sees it first; CANCELED says that the work was
    interrupted; of both it is unknown whether they took effect. IN_PROGRESS gives the task back, to
    be taken again after `callback_after_s` seconds, before which FAILED is not tried again either.
    `output` is a JSON object.
    """

    execution_id: str
    ref: str
    attempt: int
    status: OutcomeStatus
    output: bytes = b"{}"
    reason: str = ""
    worker: str = ""
    callback_after_s: float = 0
    perhaps_done: bool = False  # it failed, and may have taken effect all the same
