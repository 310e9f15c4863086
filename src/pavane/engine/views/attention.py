"""What waits for a person: undos that gave up, and steps behind a pivot that did."""

from __future__ import annotations

from collections.abc import Sequence

from pavane.core.model import status as st
from pavane.core.model.rows import Header, Ready
from pavane.engine.views.shapes import AttentionView, StepView

ACTIONS = ["retry", "done", "abandon"]


def attention_views(
    header: Header, steps: Sequence[StepView], ready: Sequence[Ready]
) -> list[AttentionView]:
    """The steps that gave up, where the execution waits for somebody to settle them."""
    if not header.parked:
        return []
    held = {row.ref for row in ready if row.mark}
    gave_up = [step for step in steps if step.status in GIVEN_UP]
    waiting = [step for step in gave_up if step.ref in held] or [
        step for step in gave_up if step.undoes or step.ref == header.failed_ref
    ]
    return [
        AttentionView(ref=step.ref, task=step.task, reason=step.reason, actions=ACTIONS)
        for step in waiting
    ]


GIVEN_UP = frozenset({st.FAILED, st.FAILED_WITH_TERMINAL_ERROR, st.TIMED_OUT})
