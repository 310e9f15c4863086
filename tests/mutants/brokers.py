"""Buses on brokers that are wrong in the ways in which such buses usually are."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.kafka.group import Group
from pavane.adapters.kafka.position import Position
from pavane.adapters.kafka.topics import Place
from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.core.model.event import Outgoing
from pavane.ports.bus import Delivery, Subscription


class Early:
    """A member that says of all that it takes that it is done."""

    def __init__(self, inner: Subscription) -> None:
        self._inner = inner

    async def take(self, limit: int) -> list[Delivery]:
        taken = await self._inner.take(limit)
        await self._inner.done(taken)
        return taken

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        del deliveries

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        await self._inner.back(delivery, delay_ms)

    async def close(self) -> None:
        await self._inner.close()


class _Unheard:
    """Hands events over when there is time, and waits for nobody's confirmation."""

    sending: Collection[asyncio.Future[Any]] = ()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        publisher: Any = super()
        self.sending = [*self.sending, asyncio.ensure_future(publisher.publish(events))]


class KafkaEarly(KafkaBus):
    """Acknowledges what it gives to a member."""

    async def subscribe(self, group: str, topics: Sequence[str], *, capacity: int = 1000) -> Any:
        return Early(await super().subscribe(group, topics, capacity=capacity))

    def another(self) -> KafkaBus:
        return type(self)(options=self.options)


class KafkaUnconfirmed(_Unheard, KafkaBus):
    """Does not wait for the brokers."""

    def another(self) -> KafkaBus:
        return type(self)(options=self.options)


class _TooFar(Group):
    """Commits behind what came, not before the first that is not done."""

    def _positions(self, lanes: Any, *, whole: bool = False) -> dict[Place, Position]:
        of = {lane.place: lane for lane in lanes}
        told = super()._positions(of.values(), whole=whole)
        return {place: Position(of[place]._received + 1) for place in told}


class KafkaTooFar(KafkaBus):
    """Commits offsets of what members have in hand."""

    def _new_group(self, name: str) -> Group:
        made = super()._new_group(name)
        made.__class__ = _TooFar
        return made

    def another(self) -> KafkaBus:
        return type(self)(options=self.options)


class RabbitEarly(RabbitBus):
    """Acknowledges what it gives to a member."""

    async def subscribe(self, group: str, topics: Sequence[str], *, capacity: int = 1000) -> Any:
        return Early(await super().subscribe(group, topics, capacity=capacity))


class RabbitUnconfirmed(_Unheard, RabbitBus):
    """Does not wait for the broker."""
