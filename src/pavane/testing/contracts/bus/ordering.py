"""Promises 7 and 8, which not every bus keeps: ordered, kept; and groups that pass."""

from __future__ import annotations

import asyncio

from pavane.ports.bus import PASSING, Bus, Delivery
from pavane.testing.contracts.bus.harness import (
    KEPT,
    ORDERED,
    PASSES,
    TOPIC,
    BusHarness,
    ids,
    ids_of,
    numbered,
    opened,
    out,
)
from pavane.testing.contracts.features import needs


class OrderingTests(BusHarness):
    """In which order events come, and from when on."""

    async def test_declared_as_it_is(self, bus: Bus) -> None:
        """What the suite is told of the bus is what the bus tells its users."""
        assert bus.features == self.features

    # --- ordered --------------------------------------------------------------------------------

    @needs(ORDERED)
    async def test_ordered_by_key(self, bus: Bus) -> None:
        """However they were published, and however they are taken."""
        member = await bus.subscribe("billing", [TOPIC])
        events = [out(f"{n:03}", f"key-{n % 3}") for n in range(90)]
        await bus.publish(events[:40])
        for n in range(40, 90, 5):
            await bus.publish(events[n : n + 5])
        found: list[Delivery] = []
        for limit in (1, 7, 2, 30):
            found += await self.take(member, limit)
            await member.done(found[-1:])
        found += await self.collect(member, 90 - len(found))
        for key in range(3):
            own = [id for id in ids(found) if int(id) % 3 == key]
            assert own == [f"{n:03}" for n in range(key, 90, 3)]

    @needs(ORDERED)
    async def test_ordered_one_member_at_a_time(self, bus: Bus) -> None:
        """While one has events of a key nobody else is given later ones; keys differ."""
        members = [await bus.subscribe("billing", [TOPIC]) for _ in range(2)]
        await bus.publish(numbered(6, "k"))
        found: list[str] = []
        waiting = {asyncio.ensure_future(member.take(1)): member for member in members}
        while len(found) < 6:
            async with asyncio.timeout(self.patience_s):
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(self.quiet_s)
            (over,) = [take for take in waiting if take.done()]
            member = waiting.pop(over)
            found += ids(over.result())
            await member.done(over.result())
            waiting[asyncio.ensure_future(member.take(1))] = member
        assert found == ids_of(numbered(6, "k"))
        for take in waiting:
            take.cancel()
        await asyncio.wait(waiting)

    @needs(ORDERED)
    async def test_ordered_after_a_member_has_gone(self, bus: Bus) -> None:
        """What it had comes first, and in its order, whether it closed or died."""
        other = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(8, "k"))
        await other.close()
        process = await self.another(bus)
        await process.open()
        one = await process.subscribe("billing", [TOPIC])
        await one.done(await self.collect(one, 2, limit=1))
        assert ids(await self.collect(one, 3, limit=2)) == ["k2", "k3", "k4"]
        await one.close()
        two = await process.subscribe("billing", [TOPIC])
        assert ids(await self.collect(two, 2)) == ["k2", "k3"]
        await self.die(process)
        other = await bus.subscribe("billing", [TOPIC])
        assert await self.finish(other, 6) == ids_of(numbered(6, "k", start=2))

    # --- kept -----------------------------------------------------------------------------------

    @needs(KEPT)
    async def test_kept_for_groups_that_come_later(self, bus: Bus) -> None:
        """From the first event on, whatever others have done with them."""
        await bus.publish(numbered(3))
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(3, start=3))
        assert sorted(await self.finish(one, 6)) == ids_of(numbered(6))
        later = await bus.subscribe("audit", [TOPIC])
        assert sorted(await self.finish(later, 6)) == ids_of(numbered(6))

    @needs(KEPT)
    async def test_kept_for_a_group_that_takes_a_further_topic(self, bus: Bus) -> None:
        """It gets that topic from its beginning, and nothing twice."""
        await bus.publish([out("a", topic="a"), out("b", topic="b")])
        one = await bus.subscribe("billing", ["a"])
        assert await self.finish(one, 1) == ["a"]
        await one.close()
        other = await bus.subscribe("billing", ["a", "b"])
        assert await self.finish(other, 1) == ["b"]

    @needs(KEPT)
    async def test_kept_when_everybody_dies(self, bus: Bus) -> None:
        """Topics outlive those who publish and read them."""
        await bus.publish(numbered(3))
        async with opened(await self.die(bus)) as reborn:
            member = await reborn.subscribe("audit", [TOPIC])
            assert sorted(await self.finish(member, 3)) == ids_of(numbered(3))

    # --- passing --------------------------------------------------------------------------------

    @needs(PASSES)
    async def test_passing_groups_get_everything_each_time(self, bus: Bus) -> None:
        """Whatever they had done before, and in each process for itself."""
        await bus.publish(numbered(3, "k"))
        async with opened(await self.another(bus)) as other:
            for process in (bus, other, bus):
                member = await process.subscribe(PASSING + "watch", [TOPIC])
                assert await self.finish(member, 3) == ids_of(numbered(3, "k"))
                await member.close()
            members = [await each.subscribe(PASSING + "watch", [TOPIC]) for each in (bus, other)]
            for member in members:
                assert await self.finish(member, 3) == ids_of(numbered(3, "k"))
