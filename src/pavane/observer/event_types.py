"""Which types of events there are on a bus: who publishes them, and who listens, if anybody."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pavane.observer.fold import Picture
from pavane.ports.bus import Published


class PublisherView(msgspec.Struct, frozen=True, rename="camel"):
    """A source of events of one type; the times are of those that the logs still have (ms)."""

    source: str
    count: int
    first_at: int
    last_at: int


class ListenerView(msgspec.Struct, frozen=True, rename="camel"):
    """A service that takes events of one type. `by` says who in it, `told_at` when it said so."""

    service: str
    by: list[str]
    told_at: int


class EventTypeView(msgspec.Struct, frozen=True, rename="camel"):
    """A type of events. `unheard`: no service has said that somebody in it takes them."""

    type: str
    count: int
    last_at: int  # epoch ms, 0 where the logs have none
    unheard: bool
    publishers: list[PublisherView]
    listeners: list[ListenerView]


class EventTypes(msgspec.Struct, rename="camel"):
    """All of them, by name."""

    event_types: list[EventTypeView]


def event_types(
    published: Iterable[Published], picture: Picture, *, unheard: bool = False
) -> EventTypes:
    """What was published, and what somebody waits for in vain; `unheard`: only without listener."""
    sources: dict[str, dict[str, PublisherView]] = {}
    for each in published:
        known = sources.setdefault(each.type, {})
        known[each.source] = _together(known.get(each.source), each)
    listeners: dict[str, list[ListenerView]] = {}
    for service, (_, note) in sorted(picture.listens.items()):
        for type in note.types:
            view = ListenerView(service, note.by.get(type, []), note.time)
            listeners.setdefault(type, []).append(view)
    found = [
        _view(type, list(sources.get(type, {}).values()), listeners.get(type, []))
        for type in sorted({*sources, *listeners})
    ]
    return EventTypes([each for each in found if each.unheard or not unheard])


def _together(known: PublisherView | None, more: Published) -> PublisherView:
    if known is None:
        return PublisherView(more.source, more.count, more.first_at, more.last_at)
    return PublisherView(
        known.source,
        known.count + more.count,
        min(known.first_at, more.first_at),
        max(known.last_at, more.last_at),
    )


def _view(
    type: str, publishers: list[PublisherView], listeners: list[ListenerView]
) -> EventTypeView:
    return EventTypeView(
        type=type,
        count=sum(each.count for each in publishers),
        last_at=max((each.last_at for each in publishers), default=0),
        unheard=not listeners,
        publishers=sorted(publishers, key=lambda each: (-each.count, each.source)),
        listeners=listeners,
    )
