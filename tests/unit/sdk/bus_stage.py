"""A server and services that take their tasks from a bus, in virtual time; the bus may be bad."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.bootstrap.queued import queued_services
from pavane.core.model.event import Outgoing
from pavane.engine.engine import Engine
from pavane.ports.bus import task_topic
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from pavane.sdk.workflow import WorkflowFunction, gather, workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run


class Pay:
    """A service that says what it does, and waits as long as it is told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.undone: list[str] = []
        self.cut_off: list[str] = []
        self.most = self.going = 0
        self.pause_s = 1.0
        self.failing = 0
        self.service = Service("pay", concurrency=4)

        @self.service.task
        async def refund(order: str) -> None:
            self.undone.append(order)

        @self.service.task(undo=refund, retries=5)
        async def charge(ctx: TaskContext, order: str) -> str:
            self.calls.append(order)
            self.going += 1
            self.most = max(self.most, self.going)
            try:
                await ctx.heartbeat({"order": order})
                await asyncio.sleep(self.pause_s)
            except asyncio.CancelledError:
                self.cut_off.append(order)
                raise
            finally:
                self.going -= 1
            if self.failing:
                self.failing -= 1
                raise ConnectionError("the bank is closed")
            return f"paid {order}"

        @self.service.task(timeout="3s", retries=0)
        async def slow(order: str) -> None:
            await asyncio.sleep(100)

        @workflow(name="order")
        async def one(order: str) -> str:
            return await charge(order)

        @workflow(name="both")
        async def both(order: str) -> None:
            await gather(charge(order), charge(order + "'"))
            await slow(order)

        self.one, self.both = one, both

    @property
    def workflows(self) -> list[WorkflowFunction[..., object]]:
        return [self.one, self.both]


class Lossy(MemoryBus):
    """Loses, doubles or turns round what is published, as it is told."""

    lose: Callable[[Outgoing], bool] = staticmethod(lambda _out: False)
    doubles = False
    turns = False

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Outgoing] = []

    def another(self) -> Lossy:
        new = super().another()
        assert isinstance(new, Lossy)
        new.lose, new.doubles, new.turns = self.lose, self.doubles, self.turns
        new.published = self.published
        return new

    async def publish(self, events: Sequence[Outgoing]) -> None:
        self.published += events
        kept = [out for out in events if not self.lose(out)]
        if self.turns:
            kept.reverse()
        await super().publish([out for out in kept for _ in range(1 + self.doubles)])


class Stage:
    """A store, a bus, and who is on it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.bus = Lossy()
        self.clock = VirtualClock()

    def server(self, bus: MemoryBus | None = None):
        return running_engine(
            self.store, clock=self.clock, chance=random.Random(1), tasks_on=bus or self.bus
        )

    async def begun(self, pay: Pay, name: str = "", **options: object):
        """A process of the service, on a connection of its own."""
        bus = self.bus.another()
        await bus.open()
        return queued_services(
            bus,
            services=[pay.service],
            workflows=pay.workflows,
            clock=self.clock,
            name=name,
            **options,  # pyright: ignore[reportArgumentType] whatever it takes
        )


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def main() -> None:
        stage = Stage()
        await stage.bus.open()
        await scene(stage)

    run(main())


async def order(engine: Engine, name: str, workflow: str = "order") -> str:
    return await engine.start_execution(workflow, msgspec.json.encode({"order": name}))


async def ends(engine: Engine, ids: Sequence[str]) -> list[str]:
    return [(await engine.wait(id, 10_000)).status for id in ids]


def sent(stage: Stage) -> Counter[str]:
    """How often each task was put on the bus."""
    return Counter(o.event.id for o in stage.bus.published if o.topic == task_topic("pay"))
