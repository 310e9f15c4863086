"""Promises 1 to 4: durable, again, shared, intact."""

from __future__ import annotations

import asyncio

from pavane.core.model.event import Outgoing
from pavane.ports.bus import Bus, Subscription
from pavane.testing.contracts.bus.harness import (
    TOPIC,
    BusHarness,
    event,
    ids,
    ids_of,
    numbered,
    opened,
    out,
)

_MANY = 20_000  # deliveries of one topic beside which another may not starve


class DeliveringTests(BusHarness):
    """Who gets which events, and how often."""

    # --- durable --------------------------------------------------------------------------------

    async def test_durable_the_publisher_dies_at_once(self, bus: Bus) -> None:
        """What `publish` has answered arrives, though nobody hears of the publisher again."""
        member = await bus.subscribe("billing", [TOPIC])
        publisher = await self.another(bus)
        await publisher.open()
        await publisher.publish(numbered(20))
        await self.die(publisher)
        assert sorted(await self.finish(member, 20)) == sorted(ids_of(numbered(20)))

    async def test_durable_everybody_dies(self, bus: Bus) -> None:
        """The group finds its events when it comes back."""
        await bus.subscribe("billing", [TOPIC])
        for n in range(3):
            await bus.publish(numbered(2, start=2 * n))
        async with opened(await self.die(bus)) as reborn:
            member = await reborn.subscribe("billing", [TOPIC])
            assert sorted(await self.finish(member, 6)) == ids_of(numbered(6))

    # --- again ----------------------------------------------------------------------------------

    async def test_again_what_a_member_had_goes_to_another(self, bus: Bus) -> None:
        """All that it took and did not say to be done, when it leaves."""
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(6))
        taken = await self.collect(one, 4)
        await one.close()
        other = await bus.subscribe("billing", [TOPIC])
        assert set(ids(taken)) < set(await self.finish(other, 6))

    async def test_again_after_a_connection_is_gone(self, bus: Bus) -> None:
        """A member that dies with events in its hands says nothing; they come again."""
        other = await bus.subscribe("billing", [TOPIC])
        await other.close()
        process = await self.another(bus)
        await process.open()
        one = await process.subscribe("billing", [TOPIC])
        await bus.publish(numbered(6))
        await self.collect(one, 3, limit=3)
        await self.die(process)
        other = await bus.subscribe("billing", [TOPIC])
        assert sorted(await self.finish(other, 6)) == ids_of(numbered(6))

    async def test_again_to_a_member_that_waits_already(self, bus: Bus) -> None:
        """It is woken when another one goes."""
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(3))
        await self.collect(one, 3)
        other = await bus.subscribe("billing", [TOPIC])
        waiting = asyncio.ensure_future(self.finish(other, 3))
        await asyncio.sleep(self.quiet_s)
        assert not waiting.done()
        await one.close()
        assert sorted(await waiting) == ids_of(numbered(3))

    async def test_again_not_what_is_done(self, bus: Bus) -> None:
        """What was said to be done stays done, whoever leaves or dies."""
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(5, "k"))
        taken = await self.collect(one, 4, limit=2)
        await one.done(taken[:2])
        await one.done([])
        await one.close()
        other = await bus.subscribe("billing", [TOPIC])
        assert sorted(await self.finish(other, 3)) == ["k2", "k3", "k4"]
        async with opened(await self.die(bus)) as reborn:
            await self.silence(await reborn.subscribe("billing", [TOPIC]))

    async def test_again_while_the_group_has_no_member(self, bus: Bus) -> None:
        """A group that has subscribed once gets everything from then on."""
        one = await bus.subscribe("billing", [TOPIC])
        await one.close()
        await one.close()
        await bus.publish(numbered(3))
        other = await bus.subscribe("billing", [TOPIC])
        assert sorted(await self.finish(other, 3)) == ids_of(numbered(3))

    async def test_again_a_take_that_was_cancelled_takes_nothing(self, bus: Bus) -> None:
        """Before an event comes, in the moment in which it comes, and a little later."""
        member = await bus.subscribe("billing", [TOPIC])
        for n in range(6):
            waiting = asyncio.ensure_future(member.take(10))
            await asyncio.sleep(0)
            if n:
                await bus.publish(numbered(1, f"round-{n}-"))
            for _ in range(n - 1):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            if not waiting.cancelled():
                await member.done(waiting.result())
            elif n:
                taken = await self.take(member)
                assert ids(taken) == [f"round-{n}-0"]
                await member.done(taken)
        await self.silence(member)

    async def test_again_closing_ends_the_waiting(self, bus: Bus) -> None:
        """Who waits is given nothing, as is who asks later; by the member and by the bus."""
        process = await self.another(bus)
        await process.open()
        for closing in ("member", "bus"):
            member = await process.subscribe(f"{closing}s", [TOPIC])
            waiting = asyncio.ensure_future(member.take(10))
            await asyncio.sleep(0)
            await (member.close() if closing == "member" else process.close())
            async with asyncio.timeout(self.patience_s):
                assert await waiting == []
                assert await member.take(10) == []
        await process.close()

    # --- shared ---------------------------------------------------------------------------------

    async def test_shared_by_the_members_of_a_group(self, bus: Bus) -> None:
        """Each event goes to one of them, and none is left over."""
        members = [await bus.subscribe("billing", [TOPIC]) for _ in range(3)]
        async with opened(await self.another(bus)) as process:
            members.append(await process.subscribe("billing", [TOPIC]))
            found: list[str] = []

            async def work(member: Subscription) -> None:
                while taken := await member.take(3):
                    await member.done(taken)
                    found.extend(ids(taken))
                    await asyncio.sleep(0)

            workers = [asyncio.ensure_future(work(member)) for member in members]
            events = [out(f"{n}", f"key-{n}") for n in range(60)]
            await bus.publish(events[:20])
            for each in events[20:]:
                await process.publish([each])
            async with asyncio.timeout(self.patience_s):
                while len(found) < len(events):  # noqa: ASYNC110  the bus gives no other sign
                    await asyncio.sleep(self.quiet_s)
            await asyncio.sleep(self.quiet_s)
            for member in members:
                await member.close()
            await asyncio.gather(*workers)
        assert sorted(found) == sorted(ids_of(events))

    async def test_shared_by_no_two_groups(self, bus: Bus) -> None:
        """Each group gets everything, whatever the others have done with it."""
        members = [await bus.subscribe(name, [TOPIC]) for name in ("billing", "mail", "Mail")]
        await bus.publish(numbered(10))
        for member in members:
            assert sorted(await self.finish(member, 10)) == ids_of(numbered(10))

    async def test_shared_only_what_was_subscribed(self, bus: Bus) -> None:
        """The topics of the group, all of them and no others."""
        both = await bus.subscribe("both", ["a", "b", "a"])
        one = await bus.subscribe("one", ["b"])
        await bus.publish([out("1", topic="a"), out("2", topic="b"), out("3", topic="c")])
        await bus.publish([out("4", topic="a.b"), out("5", topic="A"), out("6", topic="b")])
        taken = await self.collect(both, 3)
        assert sorted((d.topic, d.event.id) for d in taken) == [("a", "1"), ("b", "2"), ("b", "6")]
        await self.silence(both)
        assert sorted(await self.finish(one, 2)) == ["2", "6"]

    async def test_shared_no_topic_holds_up_another(self, bus: Bus) -> None:
        """A topic with few events gets its turn beside one that never runs dry."""
        member = await bus.subscribe("billing", ["busy", "calm"])
        await bus.publish(numbered(200, topic="busy"))
        await bus.publish([out("calm", topic="calm")])
        found: list[str] = []
        while "calm" not in found:
            taken = await self.take(member, 10)
            await member.done(taken)
            found += ids(taken)
            # Not at once: a bus may hear of one topic later than of the other.
            assert len(found) < _MANY, "the calm topic starves"
            await bus.publish(numbered(10, topic="busy", start=200 + len(found)))

    # --- intact ---------------------------------------------------------------------------------

    async def test_intact_every_attribute_and_byte(self, bus: Bus) -> None:
        """JSON as it was written, bytes that are no text, nothing at all, much."""
        member = await bus.subscribe("billing", [TOPIC])
        events = [
            event("json", data=b'{"b": 1.0,\n "a":[1e3, "\\u00e9"]} '),
            event("bytes", data=bytes(range(256)), datacontenttype="image/png"),
            event("nothing", data=b""),
            event("much", data=b"0123456789" * 20_000, datacontenttype="text/plain"),
            event("bare", subject="", time=0, dataschema="", attributes={}),
            event("ünï '\" %41,;=", subject="試 % \U0001f600", time=1),
            event("many", attributes={f"x{n}": f"{n} %20 ü" for n in range(30)}),
        ]
        assert len({each.id for each in events}) == len(events)
        for each in events:
            await bus.publish([out(each.id, subject="other", topic="elsewhere")])
        await bus.publish([Outgoing(TOPIC, "ключ", each) for each in events])
        taken = await self.collect(member, len(events))
        assert {each.event.id: each.event for each in taken} == {each.id: each for each in events}
        assert {each.topic for each in taken} == {TOPIC}
        assert {each.times for each in taken} == {1}

    async def test_intact_when_it_comes_again(self, bus: Bus) -> None:
        """To another member, and given back."""
        one = await bus.subscribe("billing", [TOPIC])
        odd = out("odd", data=bytes(range(256)), datacontenttype="image/png")
        await bus.publish([odd])
        await self.take(one)
        await one.close()
        other = await bus.subscribe("billing", [TOPIC])
        taken = await self.take(other)
        assert [each.event for each in taken] == [odd.event]
        await other.back(taken[0], 1)
        assert [each.event for each in await self.take(other)] == [odd.event]
