"""Statuses and their legal changes, as tables; the diagrams in the docs are drawn from them."""

from __future__ import annotations

from typing import Final

# --- executions ---------------------------------------------------------------------------------

RUNNING: Final = "RUNNING"
PAUSED: Final = "PAUSED"
COMPENSATING: Final = "COMPENSATING"
NEEDS_ATTENTION: Final = "NEEDS_ATTENTION"
COMPLETED: Final = "COMPLETED"
COMPENSATED: Final = "COMPENSATED"
FAILED: Final = "FAILED"
TIMED_OUT: Final = "TIMED_OUT"
TERMINATED: Final = "TERMINATED"

EXECUTION_CHANGES: Final[dict[str, frozenset[str]]] = {
    "": frozenset({RUNNING}),
    RUNNING: frozenset(
        {PAUSED, COMPENSATING, NEEDS_ATTENTION, COMPLETED, FAILED, TIMED_OUT, TERMINATED}
    ),
    PAUSED: frozenset({RUNNING, COMPENSATING, NEEDS_ATTENTION, FAILED, TIMED_OUT, TERMINATED}),
    COMPENSATING: frozenset({NEEDS_ATTENTION, COMPENSATED, FAILED, TIMED_OUT, TERMINATED}),
    # A person retries or settles what gave up: an undo (back to COMPENSATING), a step behind the
    # pivot (back to RUNNING); or gives the execution up as it stands.
    NEEDS_ATTENTION: frozenset({COMPENSATING, RUNNING, FAILED, TIMED_OUT, TERMINATED}),
    # A scope that completed is a step to its parent, and is undone when the parent is.
    COMPLETED: frozenset({COMPENSATING}),
    COMPENSATED: frozenset(),
    # Where nothing was undone, what failed may be tried again.
    FAILED: frozenset({RUNNING}),
    TIMED_OUT: frozenset({RUNNING}),
    TERMINATED: frozenset({RUNNING}),
}
"""From each status of an execution, the statuses it may change to ("" = not started)."""

ENDED: Final = frozenset({COMPLETED, COMPENSATED, FAILED, TIMED_OUT, TERMINATED})
UNSUCCESSFUL: Final = ENDED - {COMPLETED}

# --- tasks --------------------------------------------------------------------------------------

SCHEDULED: Final = "SCHEDULED"
IN_PROGRESS: Final = "IN_PROGRESS"
COMPLETED_WITH_ERRORS: Final = "COMPLETED_WITH_ERRORS"
FAILED_WITH_TERMINAL_ERROR: Final = "FAILED_WITH_TERMINAL_ERROR"
CANCELED: Final = "CANCELED"
SKIPPED: Final = "SKIPPED"

_ENDS: Final = frozenset(
    {
        COMPLETED,
        COMPLETED_WITH_ERRORS,
        FAILED,
        FAILED_WITH_TERMINAL_ERROR,
        TIMED_OUT,
        CANCELED,
    }
)

TASK_CHANGES: Final[dict[str, frozenset[str]]] = {
    "": frozenset(
        {SCHEDULED, IN_PROGRESS, COMPLETED, FAILED_WITH_TERMINAL_ERROR, CANCELED, SKIPPED}
    ),
    SCHEDULED: _ENDS | {IN_PROGRESS},
    # Back to SCHEDULED: a worker asks to be called again later, or the process that held it died.
    IN_PROGRESS: _ENDS | {SCHEDULED},
    COMPLETED: frozenset(),
    COMPLETED_WITH_ERRORS: frozenset(),
    # An optional step's last failure counts as completed with errors; a person may settle a step;
    # a join that failed is opened again when its execution is retried.
    FAILED: frozenset({IN_PROGRESS, COMPLETED_WITH_ERRORS, COMPLETED}),
    FAILED_WITH_TERMINAL_ERROR: frozenset({COMPLETED_WITH_ERRORS, COMPLETED}),
    TIMED_OUT: frozenset({COMPLETED_WITH_ERRORS, COMPLETED}),
    # A join or fork that was cancelled is opened again when its execution is retried.
    CANCELED: frozenset({IN_PROGRESS, COMPLETED_WITH_ERRORS, COMPLETED}),
    SKIPPED: frozenset(),
}
"""From each status of a task, the statuses the same attempt may change to ("" = not there)."""

OPEN: Final = frozenset({SCHEDULED, IN_PROGRESS})
SUCCESSFUL: Final = frozenset({COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED})
UNSUCCESSFUL_ENDS: Final = frozenset({FAILED, FAILED_WITH_TERMINAL_ERROR, TIMED_OUT, CANCELED})


def may_change(table: dict[str, frozenset[str]], old: str, new: str) -> bool:
    """Whether the table allows the change; staying the same is always allowed."""
    return old == new or new in table[old]
