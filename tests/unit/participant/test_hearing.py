"""What was heard is told to the bus, however often the bus has to be told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from pavane.adapters.memory.bus import MemoryBus
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.errors import ConnectionFailedError
from pavane.participant.hearing import Hearing
from pavane.ports.bus import Delivery, Subscription
from pavane.ports.ledger import Todo
from pavane.testing.simulation.loop import run


class Ear:
    """Hears events, and cannot take in as many as it is told."""

    topics = ("test.order.v1",)

    def listening(self) -> dict[str, list[str]]:
        return {"test.order.created.v1": ["an ear"]}

    def __init__(self, troubles: int = 0) -> None:
        self.heard: list[int] = []
        self.troubles = troubles

    async def hear(self, delivery: Delivery) -> None:
        self.heard.append(delivery.times)
        if self.troubles:
            self.troubles -= 1
            raise ValueError("not now")

    def owns(self, todo: Todo) -> bool:
        del todo
        return False

    async def fire(self, todo: Todo) -> None:
        raise AssertionError(todo)


class Shaky:
    """A member of a group whose connection fails a few times when it is told something."""

    def __init__(self, member: Subscription, troubles: int) -> None:
        self._member = member
        self.troubles = troubles

    def _fail(self) -> None:
        if self.troubles:
            self.troubles -= 1
            raise ConnectionFailedError("the broker is gone", "")

    async def take(self, limit: int) -> list[Delivery]:
        return await self._member.take(limit)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        self._fail()
        await self._member.done(deliveries)

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        self._fail()
        await self._member.back(delivery, delay_ms)

    async def close(self) -> None:
        await self._member.close()


@pytest.mark.parametrize("unheard", [0, 1])
def test_a_bus_that_cannot_be_told_is_told_again(
    unheard: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        bus, ear = MemoryBus(), Ear(unheard)
        await bus.open()
        member = Shaky(await bus.subscribe("mail", ear.topics), 3)
        hearing = Hearing(lambda _execution, _name: None)
        hearing.add(ear)
        await bus.publish([Outgoing("test.order.v1", "k", CloudEvent("1", "web", "x"))])
        for _ in range(unheard + 1):
            (delivery,) = await member.take(10)
            hearing.take(delivery, member)
        await asyncio.sleep(60)
        assert ear.heard == list(range(1, unheard + 2))
        assert member.troubles == 0
        assert bus.counters.done == 1
        assert bus.counters.given_back == unheard
        await hearing.stop()
        await bus.close()

    with caplog.at_level(logging.WARNING, "pavane.participant"):
        run(scene())
    said = [each.message for each in caplog.records if "cannot be told" in each.message]
    assert len(said) == 3
    assert "what became of 1" in said[0]


def test_a_bus_that_never_can_be_told_is_left_alone_after_a_while() -> None:
    async def scene() -> None:
        bus, ear = MemoryBus(), Ear()
        await bus.open()
        member = Shaky(await bus.subscribe("mail", ear.topics), 1_000)
        hearing = Hearing(lambda _execution, _name: None)
        hearing.add(ear)
        await bus.publish([Outgoing("test.order.v1", "k", CloudEvent("1", "web", "x"))])
        hearing.take((await member.take(1))[0], member)
        await asyncio.sleep(3600)
        assert member.troubles == 1_000 - 6
        await member.close()  # its connection is gone: then the event comes again
        again = await bus.subscribe("mail", ear.topics)
        assert [each.event.id for each in await again.take(1)] == ["1"]
        await bus.close()

    run(scene())
