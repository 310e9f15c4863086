"""How far groups are behind on the bus that is asked: who has how many messages before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from pavane.core.model.event import topic_of_type
from pavane.errors import NoBusError
from pavane.ports.bus import (
    REPORTS,
    SERVERS,
    LaggingBus,
    role_topic,
    task_group,
    task_topic,
)

if TYPE_CHECKING:
    from pavane.doors.wiring import Company
    from pavane.engine.engine import Engine


class LagView(msgspec.Struct, frozen=True, rename="camel"):
    """A group on a topic, and how many messages wait for it, on all processes together."""

    group: str
    topic: str
    waiting: int


class Lag(msgspec.Struct, rename="camel"):
    """By group and topic; most first."""

    lag: list[LagView]


async def lag_of(company: Company | None, engine: Engine | None = None) -> Lag:
    """Of the groups of this process, and of all services that have told of themselves on the bus.

    NoBusError, ConnectionFailedError.
    """
    if company is None:
        raise NoBusError(
            "This server is on no bus, so nobody is behind on it.",
            "Start it with --bus URL, or ask `pavane lag --bus URL`.",
        )
    bus = company.bus
    if not isinstance(bus, LaggingBus):
        raise NoBusError(
            "The bus in memory does not say how far groups are behind.",
            "Use --bus embedded:FOLDER, kafka://HOST:PORT or amqp://HOST:PORT.",
        )
    own = await bus.lag()
    told = {name: topics for name, topics in _told(company, engine).items() if name not in own}
    found = {**await bus.lag(told), **own}
    views = [
        LagView(group, topic, waiting)
        for group, topics in found.items()
        for topic, waiting in topics.items()
    ]
    return Lag(sorted(views, key=lambda each: (-each.waiting, each.group, each.topic)))


def _told(company: Company, engine: Engine | None) -> Mapping[str, set[str]]:
    """Groups and their topics, from what services have said: events, roles, tasks from the bus."""
    groups: dict[str, set[str]] = {SERVERS: {REPORTS}}
    for service, (_, note) in company.observer.picture.listens.items():
        groups.setdefault(service, set()).update(map(topic_of_type, note.types))
    for each in company.requests.known.values():
        for role in each.roles:
            groups.setdefault(role, set()).add(role_topic(role))
    on_bus = set(engine.tallies.on_bus()) if engine is not None else set[str]()
    for service in {*groups, *on_bus} - {SERVERS}:
        groups[task_group(service)] = {task_topic(service)}
    return groups
