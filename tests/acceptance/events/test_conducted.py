"""The bridge between a bus and an engine: what it keeps, and what it finds when it starts again."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.bootstrap.orchestrated import running_engine
from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from pavane.core.model.workflow import Workflow
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.sdk.conducted_events import ConductedEvents
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.test_waiting import PAID, of, shop, waiting


async def bridge(engine: Engine, bus: MemoryBus, ledger: MemoryLedger) -> ConductedEvents:
    await ledger.open()
    return ConductedEvents(engine, bus, ledger, VirtualClock(), [waiting()])


async def paid(bus: MemoryBus, order: str, id: str = "paid-1") -> None:
    data: Any = msgspec.json.encode({"order": of(order), "amount": 5})
    event = CloudEvent(id, "outside", PAID, data=data)
    await bus.publish([Outgoing(topic_of_type(PAID), "", event)])
    await asyncio.sleep(1)


async def started(engine: Engine, order: str, workflow: Workflow | None = None) -> str:
    await engine.register([workflow or waiting()])
    id = await engine.start_execution("waiting", msgspec.json.encode({"order": order}))
    await asyncio.sleep(1)
    return id


async def status(engine: Engine, id: str) -> str:
    return (await Reader(engine.store).summary(id)).status


def test_an_event_that_came_before_the_bridge_died_is_found_by_the_next():
    async def main() -> None:
        bus, ledger = MemoryBus(), MemoryLedger()
        await bus.open()
        async with running_engine("memory:", services=[shop()], clock=VirtualClock()) as engine:
            first = await bridge(engine, bus, ledger)
            await first.start()
            await paid(bus, "lute")
            await first.stop()
            lute = await started(engine, "lute")
            assert await status(engine, lute) == "RUNNING"
            second = await bridge(engine, bus, ledger.crash())
            await second.start()
            await asyncio.sleep(1)
            assert await status(engine, lute) == "COMPLETED"
            await second.stop()

    run(main())


def test_an_event_that_comes_while_no_bridge_is_there_waits_on_the_bus():
    async def main() -> None:
        bus, ledger = MemoryBus(), MemoryLedger()
        await bus.open()
        async with running_engine("memory:", services=[shop()], clock=VirtualClock()) as engine:
            first = await bridge(engine, bus, ledger)
            await first.start()
            lute = await started(engine, "lute")
            await first.stop()
            await paid(bus, "lute")
            second = await bridge(engine, bus, ledger.crash())
            await second.start()
            await asyncio.sleep(1)
            assert await status(engine, lute) == "COMPLETED"
            await second.stop()

    run(main())


def test_what_is_kept_goes_when_its_time_is_over():
    async def main() -> None:
        bus, ledger = MemoryBus(), MemoryLedger()
        await bus.open()
        async with running_engine("memory:", services=[shop()], clock=VirtualClock()) as engine:
            events = await bridge(engine, bus, ledger)
            await events.start()
            await paid(bus, "lute")
            assert await ledger.next_due() > 0
            await asyncio.sleep(3700)
            assert await ledger.next_due() == 0
            lute = await started(engine, "lute")
            assert await status(engine, lute) == "RUNNING"
            await events.stop()

    run(main())


def test_an_execution_that_was_stopped_waits_for_nothing():
    async def main() -> None:
        bus, ledger = MemoryBus(), MemoryLedger()
        await bus.open()
        async with running_engine("memory:", services=[shop()], clock=VirtualClock()) as engine:
            events = await bridge(engine, bus, ledger)
            await events.start()
            lute = await started(engine, "lute")
            await engine.terminate(lute, "enough")
            await paid(bus, "lute")
            assert await status(engine, lute) == "TERMINATED"
            await events.stop()

    run(main())
