"""Types of events as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from pavane.doors.cli.render import moment
from pavane.observer.event_types import EventTypeView


def event_lines(found: Sequence[EventTypeView], *, unheard: bool) -> Iterator[str]:
    """A table of them, with a line for each publisher and listener."""
    if not found:
        yield "Every type of events has a listener." if unheard else "No events."
        return
    width = max(len("TYPE"), *(len(each.type) for each in found))
    count = max(len("EVENTS"), *(len(str(each.count)) for each in found))
    yield f"{'TYPE'.ljust(width)}  {'EVENTS'.rjust(count)}  LAST"
    for each in found:
        last = moment(each.last_at) or "never"
        yield f"{each.type.ljust(width)}  {str(each.count).rjust(count)}  {last}"
        yield from (f"  from {one.source}: {one.count}" for one in each.publishers)
        for one in each.listeners:
            by = f" ({', '.join(one.by)})" if one.by else ""
            yield f"  to   {one.service}{by}"
        if each.unheard:
            yield "  to   " + click.style("nobody", fg="yellow")
