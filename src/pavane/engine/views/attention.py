"""What waits for a person: undos that gave up, and a step behind a pivot that did."""

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
    if header.status != st.NEEDS_ATTENTION:
        return []
    parked = {row.ref for row in ready if row.mark == "parked"}
    if header.pivot_passed:
        parked.add(header.failed_ref)
    found = [
        AttentionView(ref=step.ref, task=step.task, reason=step.reason, actions=ACTIONS)
        for step in steps
        if step.ref in parked
    ]
    if found:
        return found
    # Stopped behind its pivot by no step (a timeout, somebody's wish): it can only be given up.
    return [AttentionView(ref="", task="", reason=header.reason, actions=["abandon"])]
