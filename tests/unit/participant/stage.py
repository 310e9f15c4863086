"""Services of hand-written handlers on a bus in memory, each with a ledger of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import AsideNote, EventNote, Note
from pavane.errors import Fail
from pavane.participant.handlers.reactions import Reactions
from pavane.participant.participant import Participant
from pavane.ports.bus import JOURNAL, Delivery
from pavane.sdk.event import Event, outgoing
from pavane.sdk.handlers import ServiceHandlers
from pavane.sdk.handling import EventContext
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock


class Ordered(Event, type="test.order.created.v1"):
    order: str


class Paid(Event, type="test.payment.done.v1"):
    order: str


class Shipped(Event, type="test.parcel.sent.v1"):
    order: str


class Told(Event, type="test.mail.sent.v1", key="to"):
    to: str


class Trouble:
    """A service that fails as often as it is told to, and keeps what it did."""

    def __init__(self, *, retries: int = 3, ordered: bool = True) -> None:
        self.done: list[str] = []
        self.calls: list[tuple[float, str, int]] = []
        self.failing: dict[str, int] = {}  # order: how often it fails yet
        self.final: set[str] = set()
        self.pause_s = 0.0
        self.service = Service("pay")

        @self.service.on(Ordered, retries=retries, ordered=ordered)
        async def pay(ctx: EventContext, event: Ordered) -> Paid:
            now = asyncio.get_running_loop().time()
            self.calls.append((round(now, 3), event.order, ctx.attempt))
            await asyncio.sleep(self.pause_s)
            if event.order in self.final:
                raise Fail("no such order")
            if self.failing.get(event.order):
                self.failing[event.order] -= 1
                raise ConnectionError("the bank is closed")
            self.done.append(event.order)
            await asyncio.sleep(self.pause_s)
            return Paid(order=event.order)


class Dancer:
    """One service: what is kept of it, and the process that runs it now."""

    def __init__(self, service: Service, bus: MemoryBus, ledger: MemoryLedger) -> None:
        self.service = service
        self.bus = bus
        self.ledger = ledger
        self.clock = VirtualClock()
        self.reactions = Reactions(ledger, self.clock, ServiceHandlers(service), service.name)
        self.participant: Participant | None = None

    async def start(self) -> None:
        await self.ledger.open()
        await self.bus.open()
        self.participant = Participant(
            self.service.name, self.ledger, self.bus, self.clock, reactions=self.reactions
        )
        await self.participant.start()

    async def stop(self) -> None:
        if self.participant is not None:
            await self.participant.stop()
        await self.bus.close()
        await self.ledger.close()

    async def reborn(self) -> Dancer:
        """The process is dead, whatever it was about to do; the next one, not started yet."""
        new = Dancer(self.service, self.bus.crash(), self.ledger.crash())
        if self.participant is not None:
            await self.participant.stop(0)  # nothing of what it still does is kept
        return new

    async def handle(self, event: Event | CloudEvent, id: str = "m-1", **more: str) -> None:
        """Give the handlers a message, with no bus in between."""
        given = event if isinstance(event, CloudEvent) else sent(event, id, **more).event
        await self.reactions.handle(Delivery("", given))

    async def until(self, seconds: float) -> None:
        """Let time pass, and try again what becomes due, without the loop of the service."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await asyncio.gather(*await self.reactions.fire_due())
            next_due = await self.ledger.next_due()
            left_s = (next_due - self.clock.now()) / 1000 if next_due else end
            await asyncio.sleep(max(0.0, min(left_s, end - loop.time())))

    async def log(self, journal: bool = False) -> list[CloudEvent]:
        """What was emitted; or with `journal` the journal's records."""
        records = await self.ledger.log_after(0, 10_000)
        return [r.out.event for r in records if (r.out.topic == JOURNAL) is journal]

    async def notes(self) -> list[EventNote]:
        records = await self.log(journal=True)
        told = [msgspec.json.decode(e.data, type=list[Note]) for e in records]
        return [note for notes in told for note in notes if isinstance(note, EventNote)]

    async def stops(self) -> list[AsideNote]:
        """What was told of messages that were set aside, or went on."""
        records = await self.log(journal=True)
        told = [msgspec.json.decode(e.data, type=list[Note]) for e in records]
        return [note for notes in told for note in notes if isinstance(note, AsideNote)]

    async def statuses(self) -> list[str]:
        return [note.status for note in await self.notes()]

    async def told(self, *, handler: str = "") -> list[tuple[str, str, int]]:
        """Of each note: the message, the status, the attempt."""
        notes = await self.notes()
        return [
            (n.message, n.status, n.attempt) for n in notes if not handler or n.handler == handler
        ]


def alone(service: Service) -> Dancer:
    """A service whose ledger and bus nobody else knows."""
    return Dancer(service, MemoryBus(), MemoryLedger())


async def opened(service: Service) -> Dancer:
    """The same, to be given messages directly."""
    dancer = alone(service)
    await dancer.ledger.open()
    return dancer


async def together(services: Sequence[Service]) -> list[Dancer]:
    """Services on one bus, all started."""
    bus = MemoryBus()
    dancers = [Dancer(service, bus.another(), MemoryLedger()) for service in services]
    for dancer in dancers:
        await dancer.start()
    return dancers


def sent(event: Event, id: str = "m-1", *, correlation: str = "", causation: str = "") -> Outgoing:
    """An event from outside."""
    return outgoing(event, id=id, source="test", correlation=correlation, causation=causation)


async def eventually(there: Callable[[], bool], *, pause_s: float = 0.01) -> None:
    """Wait until it is so."""
    end = asyncio.get_running_loop().time() + 1000
    for _ in range(1_000_000):
        if there() or asyncio.get_running_loop().time() > end:
            break
        await asyncio.sleep(pause_s)
    assert there()
