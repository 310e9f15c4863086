"""The observer on a bus, in virtual time: it follows, is told again, and lets others wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.bus import MemoryBus, MemorySubscription
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.errors import ConnectionFailedError, ResultTimeoutError
from pavane.observer.fold import Picture
from pavane.observer.observer import Observer
from pavane.ports.bus import JOURNAL, Delivery
from pavane.ports.ledger import Record
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.observer.story import Story, jumbled, outgoing

Stage = tuple[MemoryBus, Observer]


@asynccontextmanager
async def stage(bus: MemoryBus | None = None) -> AsyncGenerator[Stage]:
    bus = bus or MemoryBus()
    await bus.open()
    observer = Observer(bus, VirtualClock())
    await observer.start()
    try:
        yield bus, observer
    finally:
        await observer.close()
        await bus.close()


def play(scene: Callable[[], Awaitable[Any]], seed: int = 0) -> None:
    async def main() -> None:
        await scene()

    run(main(), seed=seed, shuffle=True, limit_s=10_000)


def order() -> Story:
    story = Story().home("RUNNING").done("inventory", "reserve").done("payment", "charge")
    return story.home("COMPLETED", output={"paid": 1})


async def quiet() -> None:
    await asyncio.sleep(10)  # virtual: everything that can happen has


def test_what_the_bus_brings_is_what_the_logs_say() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    story = order().event("crm", "thank", "done", "p1")
    lines = jumbled(story.told, random.Random(seed))

    async def scene() -> None:
        async with stage() as (bus, observer):
            await bus.publish([outgoing(line) for line in lines])
            await quiet()
            assert observer.picture == story.picture()
            rebuilt = Observer(bus, VirtualClock())
            for log in reversed(story.records().values()):
                rebuilt.rebuild(log)
            assert rebuilt.picture == observer.picture
            assert observer.execution("e1").status == "COMPLETED"
            assert [line.id for line in observer.executions()] == ["e1"]
            assert observer.frontier("e1") == observer.stuck(0) == observer.edges("nobody") == []

    play(scene, seed)


def test_all_is_acknowledged_after_it_was_learnt() -> None:
    async def scene() -> None:
        async with stage() as (bus, observer):
            await bus.publish([outgoing(line) for line in order().told])
            await quiet()
            await observer.close()
            await observer.close()
            late = Observer(bus, VirtualClock())
            await late.start()
            await quiet()
            assert late.picture == Picture()  # its group has had everything
            await late.close()
            other = Observer(bus, VirtualClock(), group="another")
            await other.start()
            await quiet()
            assert other.picture == observer.picture
            await other.close()

    play(scene)


def test_what_is_malformed_is_kept_with_its_reason_and_stops_nobody() -> None:
    story = order()
    good = outgoing(story.told[0]).event
    replace = msgspec.structs.replace
    bad = [
        replace(good, data=b'{"note":"step"}'),
        replace(good, data=b"\xff"),
        replace(good, data=b'{"note":"step","input":' + b"[" * 100_000),
        replace(good, attributes={}),
        replace(good, attributes={"sequence": "-1"}),
        replace(good, attributes={"sequence": "9" * 5000}),
        replace(good, source=""),
    ]

    async def scene() -> None:
        async with stage() as (bus, observer):
            for event in bad:
                await bus.publish([Outgoing(JOURNAL, "", event)])
            await bus.publish([outgoing(line) for line in story.told])
            await quiet()
            assert observer.refused_count == len(bad) == len(observer.refused)
            reasons = [each.reason for each in observer.refused]
            assert "execution" in reasons[0]
            assert "sequence" in reasons[3]
            assert "source" in reasons[6]
            assert observer.execution("e1").status == "COMPLETED"
            await bus.publish([Outgoing(JOURNAL, "", bad[0])] * 200)
            await quiet()
            assert observer.refused_count == len(bad) + 200
            assert len(observer.refused) == 100

    play(scene)


def test_a_log_holds_other_things_than_notes() -> None:
    async def scene() -> None:
        observer = Observer(MemoryBus(), VirtualClock())
        event = CloudEvent("1", "inventory", "token")
        observer.rebuild([Record(1, Outgoing("_pavane.role.payment", "", event))])
        assert observer.refused_count == 0

    play(scene)


def test_waiting_for_a_change_and_for_the_end() -> None:
    lines = order().told

    async def scene() -> None:
        async with stage() as (bus, observer):
            end = asyncio.create_task(observer.wait("e1", 60))
            given_up = asyncio.create_task(observer.changed("e1"))
            await asyncio.sleep(1)
            given_up.cancel()
            for line in lines[:-1]:
                change = asyncio.create_task(observer.changed("e1"))
                await asyncio.sleep(1)
                assert not change.done()
                await bus.publish([outgoing(line)])
                await change
            assert not end.done()
            await bus.publish([outgoing(lines[-1])])
            assert bytes((await end).output) == b'{"paid":1}'
            assert (await observer.wait("e1", 0)).status == "COMPLETED"  # at once
            assert observer._waiting == {}

    play(scene)


def test_waiting_ends_when_a_person_is_needed() -> None:
    story = Story().home("RUNNING").home("NEEDS_ATTENTION", attention=["undo:a"])

    async def scene() -> None:
        async with stage() as (bus, observer):
            await bus.publish([outgoing(line) for line in story.told])
            assert (await observer.wait("e1", 60)).status == "NEEDS_ATTENTION"

    play(scene)


def test_waiting_in_vain_says_who_holds_it() -> None:
    story = Story().home("RUNNING").step("payment", "charge", "IN_PROGRESS")

    async def scene() -> None:
        async with stage() as (bus, observer):
            with pytest.raises(ResultTimeoutError, match="nobody told of it"):
                await observer.wait("e1", 5)
            await bus.publish([outgoing(line) for line in story.told])
            with pytest.raises(ResultTimeoutError, match=r"RUNNING\. payment: charge is at work"):
                await observer.wait("e1", 5)

    play(scene)


class FlakyBus(MemoryBus):
    """Each connection breaks before the first acknowledgement and can be made again later."""

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        made = await super().subscribe(group, topics, capacity=capacity)
        if not hasattr(self, "broken"):
            made.done = self._break  # one member breaks, not all
        return made

    async def _break(self, deliveries: Sequence[Delivery]) -> None:
        self.broken = self.down = True
        asyncio.get_running_loop().call_later(5, setattr, self, "down", False)
        raise ConnectionFailedError("the line is cut")


def test_a_cut_line_is_joined_again() -> None:
    async def scene() -> None:
        async with stage(FlakyBus()) as (bus, observer):
            await bus.publish([outgoing(line) for line in order().told[:3]])
            await quiet()
            await bus.publish([outgoing(line) for line in order().told])
            await quiet()
            assert observer.execution("e1").status == "COMPLETED"
            assert bus.counters.done == 3 + len(order().told)

    play(scene)
