"""The memory bus keeps the promises of a bus, in virtual time too, and counts what it does."""

import asyncio
from pathlib import Path

import pytest

from pavane.adapters.memory.bus import MemoryBus, size
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import KEPT, ORDERED, BusContract
from pavane.testing.contracts.bus.harness import TOPIC, ids, numbered, opened, out
from pavane.testing.simulation.loop import run


class TestMemoryBus(BusContract):
    features = frozenset({ORDERED, KEPT})

    async def create(self, folder: Path) -> Bus:
        return MemoryBus()

    async def another(self, bus: Bus) -> Bus:
        assert isinstance(bus, MemoryBus)
        return bus.another()

    async def die(self, bus: Bus) -> Bus:
        assert isinstance(bus, MemoryBus)
        return bus.crash()


def test_in_virtual_time_a_delay_is_exact_and_costs_nothing():
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        async with opened(MemoryBus()) as bus:
            member = await bus.subscribe("billing", [TOPIC])
            await bus.publish(numbered(1))
            times: list[float] = []
            for _ in range(3):
                (delivery,) = await member.take(9)
                times.append(loop.time())
                await member.back(delivery, 3_600_000)
            return times

    assert run(main()) == [0, 3600, 7200]


def test_a_delay_goes_on_in_another_loop():
    bus = MemoryBus()

    async def give_back() -> None:
        await bus.open()
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1))
        await asyncio.sleep(5)
        await member.back((await member.take(1))[0], 60_000)
        await asyncio.sleep(20)
        await bus.close()

    async def take_again() -> float:
        async with opened(bus):
            await (await bus.subscribe("billing", [TOPIC])).take(1)
            return asyncio.get_running_loop().time()

    run(give_back())
    assert run(take_again()) == 40


@pytest.mark.anyio
async def test_it_counts_exactly():
    async with opened(MemoryBus()) as bus, opened(bus.another()) as other:
        members = [await bus.subscribe(name, [TOPIC]) for name in ("a", "b")]
        before = other.counters.copy()
        event = out("é", data=b"x" * 1000)
        await other.publish([event, *numbered(3)])
        taken = [await member.take(100) for member in members]
        await members[0].done(taken[0])
        await members[0].done(taken[0])
        await members[1].back(taken[1][0], 0)
        await members[1].take(1)
        assert bus.counters.since(before) == {
            "publishes": 1,
            "published": 4,
            "published_bytes": size(event.event) + 3 * size(numbered(1)[0].event),
            "deliveries": 9,
            "given_back": 1,
            "done": 4,
        }
    assert size(event.event) == 1000 + size(out("ab", data=b"").event)


@pytest.mark.anyio
async def test_work_per_event_does_not_grow():
    """Ten thousand events behind a key that another member holds are put aside once each."""
    async with opened(MemoryBus()) as bus:
        one = await bus.subscribe("billing", [TOPIC])
        other = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(10_000, "k"))
        first = await one.take(1)
        await bus.publish(numbered(1, "free"))
        assert ids(await other.take(10)) == ["free0"]
        assert len(one.assigned) == 9_999
        await one.done(first)
        assert len(await one.take(10_000)) == 999 + 1


@pytest.mark.anyio
async def test_nobody_publishes_to_a_bus_that_is_down_or_closed():
    bus = MemoryBus()
    with pytest.raises(ConnectionFailedError):
        await bus.publish(numbered(1))
    async with opened(bus):
        member = await bus.subscribe("billing", [TOPIC])
        bus.down = True
        with pytest.raises(ConnectionFailedError) as refusal:
            await bus.publish(numbered(1))
        assert refusal.value.remedy
        bus.down = False
        await bus.publish(numbered(1, start=1))
        assert ids(await member.take(9)) == ["1"]
    await bus.close()
    with pytest.raises(ConnectionFailedError):
        await bus.subscribe("billing", [TOPIC])


@pytest.mark.anyio
async def test_what_comes_too_late_is_ignored():
    """A member that has closed, or has said so before, neither ends nor repeats anything."""
    async with opened(MemoryBus()) as bus:
        one = await bus.subscribe("billing", [TOPIC])
        other = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1))
        (delivery,) = await one.take(1)
        await one.close()
        await one.done([delivery])
        await one.back(delivery, 0)
        (again,) = await other.take(9)
        assert again.times == 2
        await other.done([again])
        await other.back(again, 0)
        assert not other._held
