"""Schedules as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pavane.core.model.schedule import Schedule
from pavane.doors.cli.render import moment


def schedule_lines(found: Sequence[Schedule]) -> Iterator[str]:
    """Two lines for each: what starts and when; how it stands."""
    if not found:
        yield "Nothing starts by itself."
        return
    for each in found:
        times = ", ".join(
            beat.every + (f" ({beat.zone})" if beat.zone != "UTC" else "") for beat in each.beats
        )
        starts = f" starts {each.workflow}" if each.name != each.workflow else ""
        yield f"{each.name}{starts}: {times}"
        if each.paused:
            why = f": {each.paused_reason}" if each.paused_reason else ""
            stands = f"paused{why}"
        else:
            stands = f"next {moment(each.next_at)}" if each.next_at else "never again"
        last = f", last {moment(each.last_at)} {each.last_id}" if each.last_at else ""
        yield f"  {stands}{last}"
        if each.last_error:
            yield f"  started nothing: {each.last_error}"
