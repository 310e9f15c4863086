"""What is done stays done, and what was given back is remembered, also when a process dies."""

import asyncio
import time

import pytest

from pavane.testing.contracts.bus.harness import TOPIC, ids, numbered, opened, out
from tests.contract.kafka.clients import admin, committed, kafka, name, produce, take, until

pytestmark = pytest.mark.anyio

PROTOCOLS = ["classic", "consumer"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_was_done_out_of_turn_does_not_come_again(kafka_url: str, protocol: str):
    async with kafka(kafka_url, f"protocol={protocol}") as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(10, "k"))
        taken = await take(member, 10)
        await member.done([*taken[1:4], *taken[6:]])
        await until(
            lambda: any("|" in told for _, told in committed(bus, "billing", TOPIC).values())
        )
        async with opened(bus.crash()) as reborn:
            again = await reborn.subscribe("billing", [TOPIC])
            assert ids(await take(again, 3)) == ["k0", "k4", "k5"]
            assert bus.counters.commits <= 2


async def test_how_often_and_when_outlives_the_process(kafka_url: str):
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(3, "k"))
        for times in (1, 2, 3):
            (first,) = await take(member, 1)
            assert (first.event.id, first.times) == ("k0", times)
            if times == 1:
                await member.done(await take(member, 2))
            await member.back(first, 2_000 if times == 3 else 0)
        due = time.time() + 2.0
        await until(
            lambda: any(":3:" in told for _, told in committed(bus, "billing", TOPIC).values())
        )
        async with opened(bus.crash()) as reborn:
            again = await reborn.subscribe("billing", [TOPIC])
            (fourth,) = await take(again, 1)
            assert (fourth.event.id, fourth.times) == ("k0", 4)
            assert time.time() >= due - 0.1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_rebalance_waits_for_what_is_in_hand(kafka_url: str, protocol: str):
    """Nothing is handled twice when a process comes, however the partitions are shared out."""
    async with kafka(kafka_url, f"protocol={protocol}") as bus, opened(bus.another()) as other:
        found: list[str] = []
        busy: set[str] = set()

        async def work(member) -> None:
            while taken := await member.take(5):
                for each in taken:
                    assert each.event.id not in busy
                    busy.add(each.event.id)
                await asyncio.sleep(0.02)
                await member.done(taken)
                found.extend(ids(taken))

        members = [await bus.subscribe("billing", [TOPIC])]
        works = [asyncio.ensure_future(work(members[0]))]
        for n in range(200):
            await bus.publish([out(f"{n}", f"key-{n % 17}")])
            if n == 60:
                members.append(await other.subscribe("billing", [TOPIC]))
                works.append(asyncio.ensure_future(work(members[1])))
        await until(lambda: len(found) >= 200)
        await until(lambda: other.counters.rebalances > 0)
        for member in members:
            await member.close()
        await asyncio.gather(*works)
        assert sorted(found, key=int) == [f"{n}" for n in range(200)]


async def test_what_takes_too_long_at_a_rebalance_goes_to_the_other(kafka_url: str):
    async with kafka(kafka_url) as bus, opened(bus.another()) as other:
        one = await bus.subscribe("billing", [TOPIC])
        await bus.publish([out(f"{n}", f"key-{n}") for n in range(30)])
        taken = await take(one, 30)
        two = await other.subscribe("billing", [TOPIC])
        again = await take(two, 1)
        assert {each.times for each in again} == {2}
        assert set(ids(again)) < set(ids(taken))
        await one.done(taken)  # too late for those that are nobody's here
        await until(lambda: bus.counters.done == 30)
        await two.back(again[0], 0)
        (back,) = await take(two, 1, 1)
        assert back.event.id in ids(taken)


async def test_a_group_far_behind_is_seen_to_be(kafka_url: str):
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC, "calm"])
        await bus.publish(numbered(30))
        assert await bus.lag() == {"billing": {TOPIC: 30, "calm": 0}}
        taken = await take(member, 30)
        await member.done(taken[:10])
        await member.done(taken[10:])
        await until(
            lambda: sum(max(at, 0) for at, _ in committed(bus, "billing", TOPIC).values()) == 30
        )
        assert await bus.lag() == {"billing": {TOPIC: 0, "calm": 0}}


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(kafka_url: str):
    async with kafka(kafka_url, "partitions=1&topic.metadata.refresh.interval.ms=500") as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(5, "old"))
        await member.done(await take(member, 5))
        asked = admin(bus)
        asked.delete_topics([name(bus, TOPIC)])[name(bus, TOPIC)].result(20)
        await asyncio.sleep(1.0)
        bus._topics._known.clear()
        await bus._topics.ensure([name(bus, TOPIC)])
        produce(bus, TOPIC, (None, b"x", {}), (None, b"y", {}))
        assert {each.event.data for each in await take(member, 2)} == {b"x", b"y"}


async def test_a_consumer_that_breaks_is_replaced_and_offsets_go_on(kafka_url: str):
    def breaks(consumer: object) -> None:
        raise RuntimeError("it broke")

    async with kafka(kafka_url, "partitions=1") as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(2, "k"))
        taken = await take(member, 2)
        group = member.group
        assert group._consuming is not None
        group._consuming._asked.append(breaks)
        await member.done(taken[:1])
        group._commit()  # it is asked for, and nobody will answer
        await until(lambda: group._consuming is None)
        (again,) = await take(member, 1, 1)
        await member.done([again])
        await bus.publish(numbered(1, "k", start=2))
        found = ids([again])
        while "k2" not in found:
            (more,) = await take(member, 1, 1)
            await member.done([more])
            found.append(more.event.id)
        assert found in (["k0", "k1", "k2"], ["k1", "k2"])
        await until(lambda: committed(bus, "billing", TOPIC)[0][0] == 3)
