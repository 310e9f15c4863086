"""What stopped and waits for somebody, in one list for every style: a message or an execution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from pavane.core.model import status as st
from pavane.engine.views.shapes import ExecutionView

Kind = Literal["dead", "quarantined", "parked", "attention", "failed"]
KINDS: Final = ("dead", "quarantined", "parked", "attention", "failed")
OF_EXECUTIONS: Final = frozenset({"attention", "failed"})
STOPPED: Final = (st.NEEDS_ATTENTION, st.FAILED, st.TIMED_OUT)
_MARK: Final = "@"


class DeadLetter(msgspec.Struct, frozen=True, rename="camel"):
    """Something that stopped. Times are epoch milliseconds, 0 where there is none.

    Messages: `dead` was handled too often in vain, `quarantined` cannot be read, `parked` waits for
    what it needs. Executions: `attention` needs a person, `failed` ended and can be tried again.
    """

    id: str
    kind: Kind
    state: str  # standing, asked (the owner has not answered yet), redriven, discarded, resumed
    service: str  # who has it; "" for an execution that nobody's service stopped
    type: str  # of the event, or the task
    reason: str = ""
    since: int = 0
    until: int = 0  # a parked message is dead from then on
    attempts: int = 0
    execution: str = ""
    workflow: str = ""
    step: str = ""
    correlation: str = ""
    message: str = ""
    handler: str = ""
    payload: str = ""  # the beginning of the data
    encoding: str = ""  # of the payload: "" for text, or base64
    size: int = 0  # bytes of the whole data
    settled: str = ""  # why somebody redrove or discarded it
    settle: list[str] = []  # the commands that settle it


def letters_of(view: ExecutionView) -> Iterator[DeadLetter]:
    """What of an execution stopped: each step that needs a person, or the one that it failed at."""
    if view.status == st.NEEDS_ATTENTION:
        for each in view.attention:
            if "retry" in each.actions or "abandon" in each.actions:
                ref, actions = each.ref or "''", "|".join(each.actions)
                command = f"pavane resolve {view.id} {ref} {actions}"
                yield _letter(view, "attention", each.ref, each.reason, command)
    elif view.failed_ref and view.style != "choreographed" and view.status in STOPPED:
        yield _letter(view, "failed", view.failed_ref, view.reason, f"pavane retry {view.id}")


def execution_of(id: str) -> tuple[str, str] | None:
    """The execution and step of a letter that is one; None: it is a message."""
    execution, mark, step = id.partition(_MARK)
    return (execution, step) if mark else None


def _letter(view: ExecutionView, kind: Kind, ref: str, reason: str, command: str) -> DeadLetter:
    step = next((each for each in view.steps if each.ref == ref), None)
    return DeadLetter(
        id=f"{view.id}{_MARK}{ref}",
        kind=kind,
        state="standing",
        service=step.service if step else "",
        type=step.task if step else "",
        reason=reason,
        since=(step.ended_at if step else 0) or view.updated_at,
        attempts=step.attempts if step else 0,
        execution=view.id,
        workflow=view.workflow,
        step=ref,
        correlation=view.correlation_id,
        settle=[command],
    )
