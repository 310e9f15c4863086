"""Promises 5 and 6: delayed, bounded."""

from __future__ import annotations

import asyncio

from pavane.ports.bus import Bus, Delivery
from pavane.testing.contracts.bus.harness import TOPIC, BusHarness, ids, ids_of, numbered

_DELAY_MS = 150
_EARLY_S = 0.01  # clocks of other machines, and timers, are that exact


class PacingTests(BusHarness):
    """When events come again, and how many at once."""

    # --- delayed --------------------------------------------------------------------------------

    async def test_delayed_not_before_its_time(self, bus: Bus) -> None:
        """And then at last, with the next number."""
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1))
        (first,) = await self.take(member)
        began = asyncio.get_running_loop().time()
        await member.back(first, _DELAY_MS)
        (second,) = await self.take(member)
        assert asyncio.get_running_loop().time() - began >= _DELAY_MS / 1000 - _EARLY_S
        assert (first.times, second.times) == (1, 2)
        assert second.event == first.event
        await member.done([second])
        await self.silence(member)

    async def test_delayed_counts_each_time(self, bus: Bus) -> None:
        """So that a handler can give up after some tries; each event for itself."""
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(2))
        taken = await self.collect(member, 2)
        for times in range(2, 6):
            await member.back(next(d for d in taken if d.event.id == "1"), 0)
            again = await self.take(member)
            assert [(d.event.id, d.times) for d in again] == [("1", times)]
            taken = again

    async def test_delayed_does_not_hold_up_others(self, bus: Bus) -> None:
        """While one waits the others come, those of its key too."""
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(4, "k"))
        (first,) = await self.take(member, 1)
        await member.back(first, 60_000)
        assert sorted(await self.finish(member, 3)) == ["k1", "k2", "k3"]
        await bus.publish(numbered(1, "k", start=4))
        assert await self.finish(member, 1) == ["k4"]

    async def test_delayed_given_back_at_once_lets_others_pass(self, bus: Bus) -> None:
        """An event that always fails does not keep the others from coming."""
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(5))
        found: set[str] = set()
        for _ in range(30):
            (taken,) = await self.take(member, 1)
            if taken.event.id == "0":
                await member.back(taken, 0)
            else:
                await member.done([taken])
                found.add(taken.event.id)
        assert found == {"1", "2", "3", "4"}

    async def test_delayed_outlives_the_member(self, bus: Bus) -> None:
        """It comes to another one, and not before its time either."""
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1))
        (first,) = await self.take(one)
        began = asyncio.get_running_loop().time()
        await one.back(first, _DELAY_MS)
        await one.close()
        other = await bus.subscribe("billing", [TOPIC])
        (second,) = await self.take(other)
        assert asyncio.get_running_loop().time() - began >= _DELAY_MS / 1000 - _EARLY_S
        assert (second.event, second.times) == (first.event, 2)

    # --- bounded --------------------------------------------------------------------------------

    async def test_bounded_by_the_limit(self, bus: Bus) -> None:
        """At least one, at most as many as were asked for; nothing is lost in between."""
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(20))
        found: list[Delivery] = []
        for limit in (1, 3, 2, 5, 9):
            taken = await self.take(member, limit)
            assert 1 <= len(taken) <= limit
            found += taken
        found += await self.collect(member, 20 - len(found))
        assert sorted(ids(found)) == sorted(ids_of(numbered(20)))

    async def test_bounded_by_the_capacity(self, bus: Bus) -> None:
        """A member with its hands full is given nothing; what is done or given back makes room."""
        member = await bus.subscribe("billing", [TOPIC], capacity=4)
        await bus.publish(numbered(20))
        taken: list[Delivery] = []
        while len(taken) < 4:
            taken += await self.take(member, 100)
        assert len(taken) == 4
        await self.silence(member)
        waiting = asyncio.ensure_future(self.take(member, 100))
        await asyncio.sleep(0)
        await member.done(taken[:1])
        assert len(await waiting) == 1
        await self.silence(member)
        await member.back(taken[1], 60_000)
        await member.done(taken[2:3])
        assert len(await self.collect(member, 2)) == 2
        await self.silence(member)

    async def test_bounded_leaves_the_rest_to_others(self, bus: Bus) -> None:
        """What one member has no hands for another one gets."""
        one = await bus.subscribe("billing", [TOPIC], capacity=2)
        other = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(10))
        held: list[Delivery] = []
        while len(held) < 2:
            held += await self.take(one, 100)
        assert len(await self.finish(other, 8)) == 8
