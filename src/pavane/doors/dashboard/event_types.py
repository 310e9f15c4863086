"""The page with the types of events: who publishes them, who listens, and which nobody takes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pavane.doors.dashboard.frame import page
from pavane.doors.dashboard.html import Markup, tag
from pavane.doors.dashboard.words import moment
from pavane.doors.executions.event_types import event_types
from pavane.doors.rest.body import flag
from pavane.doors.rest.state import state
from pavane.observer.event_types import EventTypeView, ListenerView

_HEADS = ("Type", "Events", "Last", "From", "To")


async def listing(request: Request) -> Response:
    """The page; `?unheard=true` leaves out what somebody takes."""
    only = flag(request, "unheard")
    found = (await event_types(state(request).company, unheard=only)).event_types
    other = ("All", "/events") if only else ("Only those that nobody takes", "/events?unheard=true")
    body = [
        tag("h1", "Events that nobody takes" if only else "Events"),
        tag("nav", tag("a", other[0], href=other[1]), aria_label="Filter", class_="pages"),
        _table(found) if found else tag("p", "There are none.", class_="nothing"),
    ]
    return page("Events", body)


def _table(found: list[EventTypeView]) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in _HEADS)))
    return tag("table", head, tag("tbody", *map(_row, found)), class_="list")


def _row(each: EventTypeView) -> Markup:
    nobody = tag("span", "! nobody", class_="chip bad")
    return tag(
        "tr",
        tag("td", each.type),
        tag("td", each.count),
        tag("td", moment(each.last_at)),
        tag("td", *(tag("div", f"{one.source}: {one.count}") for one in each.publishers)),
        tag("td", nobody if each.unheard else [tag("div", _named(one)) for one in each.listeners]),
    )


def _named(one: ListenerView) -> str:
    return f"{one.service} ({', '.join(one.by)})" if one.by else one.service
