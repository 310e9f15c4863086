"""Two versions of a workflow held side by side: what is different, and what that means for those

executions that run by the first, were they moved to the second. `decide/fitting` has the last word
on each single one; this says in words beforehand what it will find.
"""

from __future__ import annotations

from pavane.core.check.differences.change import Change
from pavane.core.check.differences.order import order_changes
from pavane.core.check.differences.places import Places
from pavane.core.check.differences.steps import step_changes
from pavane.core.check.differences.whole import whole_changes
from pavane.core.model.workflow import Workflow, content_hash

__all__ = ["Change", "differences"]


def differences(before: Workflow, after: Workflow) -> list[Change]:
    """All that is different in what the workflows do: of the whole first, then step by step.

    Both must be valid. Steps are the same where their names are.
    """
    if content_hash(before) == content_hash(after):
        return []
    old, new = Places.of(before), Places.of(after)
    found = whole_changes(before, after)
    found += order_changes(old, new)
    for ref, step in new.steps.items():
        if ref in old.steps:
            found += step_changes(old.steps[ref], step)
    return found
