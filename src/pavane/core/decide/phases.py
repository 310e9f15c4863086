"""Phases of an execution between its statuses: passes over its open tasks, in pages."""

from __future__ import annotations

from typing import Final

from pavane.core.model import status
from pavane.core.model.rows import Header

FORWARD: Final = ""  # steps follow steps
FREEZING: Final = "freezing"  # aborting: a pass cancels what is open
SETTLING: Final = "settling"  # aborting: waiting until nothing is open any more
UNDOING: Final = "undoing"  # a pass starts the walk back at each frontier mark
WALKING: Final = "walking"  # undos are on their way
SWEEPING: Final = "sweeping"  # ended, a pass closes what is still open
QUEUED: Final = "queued"  # waiting for a place among those of its workflow that run at once
RESUMING: Final = "resuming"  # a pass goes on from each mark: what is held, what is to be retried

PASSES: Final = frozenset({FREEZING, UNDOING, SWEEPING, RESUMING})  # page by page
GOING_BACK: Final = frozenset({UNDOING, WALKING})
ABORTING: Final = frozenset({FREEZING, SETTLING})


def is_forward(header: Header) -> bool:
    """Whether steps may follow steps, so that a failure would stop that.

    The undo of a branch that lost a race may wait for a person meanwhile; a step behind a pivot
    that failed has a `cause`.
    """
    if header.status == status.NEEDS_ATTENTION:
        return header.phase in (FORWARD, RESUMING) and not header.cause
    return header.status in (status.RUNNING, status.PAUSED)
