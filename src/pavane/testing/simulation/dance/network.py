"""A network that misbehaves as networks may: late, out of order, twice, not before the next try.

What the bus promises stays true: every event comes at least once to every group.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import msgspec

from pavane.adapters.memory.bus import MemoryBus, MemorySubscription
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Delivery

_DROPPED_S = (1.0, 4.0)  # a broker sends again what nobody has acknowledged


class Weather(msgspec.Struct, frozen=True):
    """How likely each kind of trouble is, for each event."""

    delay_ms: int = 0  # at most so late; different delays are what reorders
    late: float = 0.0
    duplicate: float = 0.0
    drop: float = 0.0
    forget: float = 0.0  # the acknowledgement is lost
    refuse: float = 0.0  # a publish fails, and half of the time has come through all the same


CALM = Weather()


class Delivered(NamedTuple):
    """A message that a service got."""

    group: str
    id: str
    kind: str
    execution: str
    scope: str


class Network:
    """What connects all processes, and counts what it does to them."""

    def __init__(self, weather: Weather, chance: Random) -> None:
        self.weather = weather
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self.delivered: list[Delivered] = []
        self._topics = MemoryBus()

    def connect(self) -> Connection:
        """A connection for one process."""
        return Connection(self, self._topics.another())


class Connection:
    """One process's connection; keeps the promises of a `Bus` but those of order."""

    features: frozenset[str] = frozenset({"kept"})

    def __init__(self, network: Network, inner: MemoryBus) -> None:
        self._network = network
        self._inner = inner
        self._pumps: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to serve."""
        await self._inner.open()

    async def close(self) -> None:
        """Stop serving."""
        for pump in self._pumps:
            pump.cancel()
        await self._inner.close()

    def cut(self) -> None:
        """The process is dead: what it had and did not acknowledge goes to the next one."""
        self._inner.crash()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over; now and then nobody knows whether they arrived."""
        weather, chance = self._network.weather, self._network.chance
        if weather.refuse and chance.random() < weather.refuse:
            if chance.random() < 0.5:
                await self._inner.publish(events)
            self._network.counts["a publish that failed"] += 1
            raise ConnectionFailedError("The simulated network is down.", "Wait a moment.")
        await self._inner.publish(events)

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> UnrulySubscription:
        """Join a group."""
        inner = await self._inner.subscribe(group, topics, capacity=capacity)
        subscription = UnrulySubscription(self._network, inner, group)
        self._pumps.append(asyncio.get_running_loop().create_task(subscription.pump()))
        return subscription


class UnrulySubscription:
    """A member of a group to which events come in the weather that there is."""

    def __init__(self, network: Network, inner: MemorySubscription, group: str) -> None:
        self._group = group
        self._network = network
        self._inner = inner
        self._here: deque[Delivery] = deque()
        self._news = asyncio.Event()
        self._number = 0
        self._highest = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def pump(self) -> None:
        """Take from the bus, and let each event arrive when it may."""
        while taken := await self._inner.take(100):
            for delivery in taken:
                self._number += 1
                self._send(delivery, self._number)
        self._closed = True
        self._news.set()

    def _send(self, delivery: Delivery, number: int) -> None:
        weather, chance, counts = self._network.weather, self._network.chance, self._network.counts
        delay_s = 0.0
        if weather.late and chance.random() < weather.late:
            delay_s = chance.random() * weather.delay_ms / 1000
        if weather.drop and chance.random() < weather.drop:
            counts["dropped and sent again"] += 1
            delay_s += chance.uniform(*_DROPPED_S)
        self._arrive_later(delivery, number, delay_s)
        if weather.duplicate and chance.random() < weather.duplicate:
            counts["duplicated"] += 1
            self._arrive_later(delivery, number, delay_s + chance.random() * 2)

    def _arrive_later(self, delivery: Delivery, number: int, delay_s: float) -> None:
        if delay_s > 0:
            self._loop.call_later(delay_s, self._arrive, delivery, number)
        else:
            self._arrive(delivery, number)

    def _arrive(self, delivery: Delivery, number: int) -> None:
        if number < self._highest:
            self._network.counts["out of order"] += 1
        self._highest = max(self._highest, number)
        self._here.append(delivery)
        self._news.set()

    async def take(self, limit: int) -> list[Delivery]:
        """What has arrived."""
        while not self._here and not self._closed:
            self._news.clear()
            await self._news.wait()
        taken = [self._here.popleft() for _ in range(min(limit, len(self._here)))]
        self._network.delivered += (self._seen(each) for each in taken if _is_message(each))
        return taken

    def _seen(self, delivery: Delivery) -> Delivered:
        id, given = delivery.event.id, delivery.event.attributes
        scope = given.get("procscope", "")
        return Delivered(self._group, id, given["prockind"], given["procinstance"], scope)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; what the network forgets comes once more."""
        weather, chance = self._network.weather, self._network.chance
        for delivery in deliveries:
            if weather.forget and chance.random() < weather.forget:
                self._network.counts["acknowledgement lost"] += 1
                self._arrive_later(delivery, self._number, chance.uniform(*_DROPPED_S))
            else:
                await self._inner.done([delivery])

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        """Deliver it again later."""
        await self._inner.back(delivery, delay_ms)

    async def close(self) -> None:
        """Leave the group."""
        self._closed = True
        self._news.set()
        await self._inner.close()


def _is_message(delivery: Delivery) -> bool:
    return "prockind" in delivery.event.attributes
