"""Lets services react to events in virtual time: hand-written dancers, tested as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from pavane.adapters.memory.bus import MemoryBus
from pavane.bootstrap.choreographed import dancing_services
from pavane.core.model.event import Outgoing
from pavane.errors import UsageError
from pavane.language.durations import parse_duration
from pavane.ports.bus import JOURNAL
from pavane.sdk.event import Event
from pavane.sdk.service import Service
from pavane.testing.answers import Later
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock


class Told(msgspec.Struct, frozen=True):
    """An event as it was told: its type, its data, and when, in seconds from the beginning."""

    type: str
    data: dict[str, Any]
    at_s: float


class Reacted(msgspec.Struct, frozen=True):
    """What became of the events."""

    events: list[Told]  # that were told, the given ones too, in their order
    dead: list[str]  # what a handler gave up, as `service: reason`

    @property
    def types(self) -> list[str]:
        """The types of the events, in their order."""
        return [each.type for each in self.events]

    def of(self, kind: type[Event]) -> list[dict[str, Any]]:
        """The data of the events of one kind."""
        return [each.data for each in self.events if each.type == kind.__event_type__]


def react(
    services: Sequence[Service],
    *events: Event | Later,
    limit: str | float = "1h",
    seed: int = 0,
) -> Reacted:
    """Tell services of events and let them react, with a ledger each, until `limit` has passed.

    An event may be told `after(seconds, event)`. Handlers are called as they are, with their
    retries; only time is virtual. UsageError for what is no event.
    """
    given = [_at(each) for each in events]
    quiet = logging.getLogger("pavane")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL + 1)  # what is given up is told in `dead`
    try:
        return loop.run(_react(services, given, parse_duration(limit)), seed=seed)
    finally:
        quiet.setLevel(level)


def _at(event: object) -> tuple[float, Event]:
    delay_s = 0.0
    while isinstance(event, Later):
        delay_s, event = delay_s + event.delay_s, event.answer
    if not isinstance(event, Event):
        raise UsageError(f"{event!r} is no event.", "Give instances of your Event classes.")
    return delay_s, event


class _Listening(MemoryBus):
    """A bus of which every word is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Told] = []

    async def publish(self, events: Sequence[Outgoing]) -> None:
        await super().publish(events)
        now = asyncio.get_running_loop().time()
        for each in events:
            if each.topic != JOURNAL and "procto" not in each.event.attributes:
                data = msgspec.json.decode(each.event.data or b"{}")
                self.told.append(Told(each.event.type, data, round(now, 3)))


async def _react(
    services: Sequence[Service], given: list[tuple[float, Event]], limit_s: float
) -> Reacted:
    bus = _Listening()
    async with dancing_services(bus, services=services, clock=VirtualClock()) as company:
        running = asyncio.get_running_loop()

        async def tell(delay_s: float, event: Event) -> None:
            await asyncio.sleep(delay_s)
            await company.publish(event)

        telling = [running.create_task(tell(*each)) for each in given]
        await asyncio.sleep(limit_s)
        for each in telling:
            if each.done():
                each.result()  # raises what went wrong
            each.cancel()
        dead = [
            f"{name}: {aside.reason}"
            for name, ledger in company.ledgers.items()
            for aside in await ledger.aside("dead")
        ]
    return Reacted(bus.told, dead)
