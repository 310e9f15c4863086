"""Two services on one bus, `left` and `right`: booted, killed and watched in virtual time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from msgspec import structs

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.core.model.workflow import Workflow
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.reading import read_choreography
from pavane.observer.observer import Observer
from pavane.participant.kept import PLACE
from pavane.participant.participant import Participant
from pavane.participant.requests import Requests
from pavane.ports.ledger import ALL, Entry, RowKey
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock
from tests.unit.core.build import fan, task, workflow


class Stage:
    """Two services on one bus, `left` and `right`, and an observer."""

    def __init__(self, definition: Workflow, *services: Service) -> None:
        self.score = read_choreography(definition, {})
        self.bus, self.clock = MemoryBus(), VirtualClock()
        self.services = {service.name: service for service in services}
        self.ledgers = {name: MemoryLedger() for name in self.services}
        self.observer = Observer(self.bus, self.clock)
        self.requests = Requests(self.bus, self.clock, {self.score.name: self.score})
        self.parts: dict[str, Participant] = {}
        self.kind: type[Participant] = Participant
        self.dancer: type[Dancer] = Dancer
        self.workers: dict[str, LocalWorkers] = {}

    async def open(self) -> None:
        await self.bus.open()
        await self.observer.start()

    async def boot(self, name: str, **options: Any) -> Participant:
        await self.ledgers[name].open()
        workers = self.workers[name] = LocalWorkers([self.services[name]], self.clock)
        options = {"choreographies": [self.score], "dancer": self.dancer, **options}
        part = self.parts[name] = self.kind(
            name, self.ledgers[name], self.bus, self.clock, dispatcher=workers, **options
        )
        workers.start(part.attempts)
        await part.start()
        return part

    async def kill(self, name: str) -> None:
        """The process dies: what was not committed is gone, and nobody says goodbye."""
        part, workers = self.parts.pop(name), self.workers.pop(name)
        self.ledgers[name] = self.ledgers[name].crash()
        part.attempts.open = False
        await workers.stop(0)
        await part.stop()

    async def stop(self) -> None:
        for name, part in self.parts.items():
            await self.workers[name].stop(0)
            await part.stop()
        await self.observer.close()
        await self.bus.close()

    async def start(self, key: str = "k") -> str:
        return await self.requests.start(self.score.name, b"{}", key=key)


@asynccontextmanager
async def stage(definition: Workflow, *services: Service) -> AsyncGenerator[Stage]:
    made = Stage(definition, *services)
    await made.open()
    try:
        yield made
    finally:
        await made.stop()


def run(scene: Coroutine[Any, Any, None]) -> None:
    loop.run(scene, limit_s=100_000)


calls: list[str] = []


def pair(**options: Any) -> tuple[Service, Service]:
    """`left` does and undoes a, `right` does b."""
    calls.clear()
    left, right = Service("left"), Service("right")

    async def a() -> None:
        calls.append("a")

    async def un_a() -> None:
        calls.append("un-a")

    async def b() -> None:
        calls.append("b")

    left.task(name="a")(a)
    left.task(name="un-a")(un_a)
    right.task(name="b", **options)(b)
    return left, right


def two(name: str = "b", **second: Any) -> Workflow:
    """The step a, then the step b, which is the task of that name."""
    first = task("a", undo=True, service="left")
    then = structs.replace(task("b", service="right", **second), name=name)
    return workflow(first, then, style="choreographed")


def each_b() -> Workflow:
    """The step a, then the task b for each of two items."""
    items = fan("each", [1, 2], inputs={"forkTaskName": "b"}, service="right")
    return workflow(task("a", undo=True, service="left"), items, style="choreographed")


async def kept_in(ledger: MemoryLedger) -> dict[RowKey, bytes]:
    """The definitions that a role has kept."""
    return (await ledger.load({PLACE: [RowKey("definition", ALL)]}))[PLACE].rows


async def forget_definitions(ledger: MemoryLedger) -> None:
    """As if a release from before definitions were kept had written the ledger."""
    await ledger.open()
    loaded = (await ledger.load({PLACE: [RowKey("definition", ALL)]}))[PLACE]
    gone = dict.fromkeys(loaded.rows, b"")
    assert gone and not await ledger.commit([Entry(PLACE, loaded.revision, rows=gone)])
    await ledger.close()
