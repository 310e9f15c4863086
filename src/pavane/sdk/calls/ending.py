"""How a call ended that did not simply succeed; raised by the work, read by the attempt."""

from __future__ import annotations

from typing import Final

from pavane.core.model.work import OutcomeStatus
from pavane.errors import CallError

FINAL: Final = "FAILED_WITH_TERMINAL_ERROR"


class Ended(Exception):
    """The attempt ended so; the fields are those of an `Outcome`."""

    def __init__(
        self,
        status: OutcomeStatus,
        reason: str = "",
        *,
        output: bytes = b"{}",
        after_s: float = 0,
        perhaps_done: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status: OutcomeStatus = status
        self.reason = reason
        self.output = output
        self.after_s = after_s
        self.perhaps_done = perhaps_done


def without_answer(error: CallError, *, safe: bool) -> Ended:
    """A call that brought no answer; a `safe` one cannot have had an effect."""
    return Ended(
        FINAL if error.final else "FAILED",
        str(error) if error.final else error.message,
        perhaps_done=error.perhaps_done and not safe,
    )
