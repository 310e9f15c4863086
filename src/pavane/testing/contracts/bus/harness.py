"""How the suite builds buses and events, and waits for what comes, or does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import pytest

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.bus import Bus, Delivery, Subscription
from pavane.testing.contracts.features import Featured

ORDERED: Final = "ordered"  # events of one key come in order, to one member at a time
KEPT: Final = "kept"  # a group that comes later gets what was published before
PASSES: Final = "passing"  # a group can pass with its process

AnyBus = TypeVar("AnyBus", bound=Bus)

TOPIC: Final = "shop.payment"


class BusHarness(Featured):
    """What a subclass says about the bus under test."""

    patience_s: ClassVar[float] = 10.0  # how long an event may take to arrive
    quiet_s: ClassVar[float] = 0.05  # when nothing has come for so long, nothing comes
    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]

    async def create(self, folder: Path) -> Bus:
        """One process's connection to a new bus, not open yet; the folder is its own."""
        raise NotImplementedError

    async def another(self, bus: Bus) -> Bus:
        """The connection of another process to the same bus, not open yet."""
        raise NotImplementedError

    async def die(self, bus: Bus) -> Bus:
        """The process behind this connection dies without a word; what the next one would open."""
        raise NotImplementedError

    @pytest.fixture
    async def bus(self, tmp_path: Path) -> AsyncGenerator[Bus]:
        """An open bus with nothing on it."""
        async with opened(await self.create(tmp_path)) as bus:
            yield bus

    # --- waiting --------------------------------------------------------------------------------

    async def take(self, member: Subscription, limit: int = 100) -> list[Delivery]:
        """The next deliveries; TimeoutError when they do not come."""
        async with asyncio.timeout(self.patience_s):
            taken = await member.take(limit)
        assert taken, "an open member was given nothing"
        assert len(taken) <= limit
        return taken

    async def collect(self, member: Subscription, count: int, limit: int = 100) -> list[Delivery]:
        """So many deliveries at least, not yet done."""
        found: list[Delivery] = []
        while len(found) < count:
            found += await self.take(member, min(limit, count - len(found)))
        return found

    async def finish(self, member: Subscription, count: int, limit: int = 100) -> list[str]:
        """The ids of so many events, each done as soon as it came; and no more come."""
        found: list[str] = []
        while len(found) < count:
            taken = await self.take(member, limit)
            await member.done(taken)
            found += ids(taken)
        await self.silence(member)
        return found

    async def silence(self, member: Subscription) -> None:
        """Fail when the member is given anything."""
        more = asyncio.ensure_future(member.take(100))
        await asyncio.wait({more}, timeout=self.quiet_s)
        if more.done():
            assert ids(more.result()) == []
        more.cancel()
        await asyncio.wait({more})


@asynccontextmanager
async def opened(bus: AnyBus) -> AsyncGenerator[AnyBus]:
    """Open the bus, and close it when done."""
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


def event(id: str, **fields: Any) -> CloudEvent:
    """An event with something in every attribute."""
    fields = {
        "subject": "order-1",
        "time": 1_767_323_045_678,
        "dataschema": "https://example.org/order.json",
        "attributes": {"procinstance": "7", "correlationid": "é"},
        "data": b'{"amount":160}',
    } | fields
    return CloudEvent(id, "/shop/payment", "com.example.paid", **fields)


def out(id: str, key: str = "", topic: str = TOPIC, **fields: Any) -> Outgoing:
    """An event on its way out."""
    return Outgoing(topic, key, event(id, **fields))


def numbered(count: int, key: str = "", topic: str = TOPIC, start: int = 0) -> list[Outgoing]:
    """Events whose ids are the key and a number."""
    return [out(f"{key}{n}", key, topic) for n in range(start, start + count)]


def ids(deliveries: Iterable[Delivery]) -> list[str]:
    """The ids of the events that were delivered."""
    return [delivery.event.id for delivery in deliveries]


def ids_of(events: Iterable[Outgoing]) -> list[str]:
    """The ids of the events that were published."""
    return [outgoing.event.id for outgoing in events]
