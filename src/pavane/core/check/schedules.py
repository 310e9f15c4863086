"""Refuses a `schedule` whose times cannot be worked out, or that nobody would keep."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.model.schedule import Beat
from pavane.core.model.ticks import fault_in
from pavane.core.model.workflow import Workflow


def check(workflow: Workflow) -> Iterator[str]:
    """Find what is wrong with when a workflow starts."""
    schedule = workflow.schedule
    if schedule is None:
        return
    if wrong := fault_in(Beat(schedule.every, schedule.zone)):
        yield (
            f"Its schedule {schedule.every!r} {wrong}; it is six fields of cron and a zone, or a "
            "duration."
        )
    if workflow.style == "choreographed":
        yield (
            f"Its schedule {schedule.every!r} has nobody to keep it: without a conductor nobody "
            "looks at the clock; let an orchestrated workflow have it, with this one as a step."
        )
