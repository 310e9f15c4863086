"""How much the bus asks of Kafka, counted; and that it holds no more than it can work on."""

import asyncio
import os
import threading
import time
from typing import Any, ClassVar

import pytest
from confluent_kafka import Consumer, Producer

from pavane.adapters.kafka import consuming, producing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import PASSING
from pavane.testing.contracts.bus.harness import TOPIC, ids, numbered, opened, out
from tests.contract.kafka.clients import admin, kafka, name, take, until

pytestmark = pytest.mark.anyio


async def test_a_thousand_events_cost_few_calls(kafka_url: str):
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish([out("first", "k")])
        await member.done(await take(member, 1))
        await until(lambda: bus.counters.commits == 1)
        before = bus.counters.copy()
        for n in range(0, 1000, 100):
            await bus.publish([out(f"{n + m}", f"key-{m}") for m in range(100)])
        began = time.monotonic()
        found = 0
        while found < 1000:
            taken = await take(member, 1, 200)
            await member.done(taken)
            found += len(taken)
        took_s = time.monotonic() - began
        await asyncio.sleep(0.2)
        told = bus.counters.since(before)
        assert (told["published"], told["confirmed"], told["received"]) == (1000, 1000, 1000)
        assert (told["done"], told["failed"], told["administered"]) == (1000, 0, 0)
        assert told["batches"] <= 60
        assert told["commits"] <= 3 + took_s / 0.05


async def test_what_nobody_has_hands_for_stays_with_the_broker(kafka_url: str):
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC], capacity=10)
        for n in range(0, 6000, 500):
            await bus.publish(numbered(500, "k", start=n))
        held = await take(member, 10)
        await until(lambda: bus.counters.pauses > 0)
        await asyncio.sleep(0.3)
        before = bus.counters.received
        assert before <= 2 * 10 + 1000 + 2 * 500
        await asyncio.sleep(0.5)
        assert bus.counters.received == before
        found = ids(held)
        await member.done(held)
        while len(found) < 6000:
            taken = await take(member, 1)
            await member.done(taken)
            found += ids(taken)
        assert found == [f"k{n}" for n in range(6000)]
        assert bus.counters.received == 6000


async def test_an_idle_bus_costs_next_to_nothing(kafka_url: str):
    async with kafka(kafka_url) as bus:
        members = [await bus.subscribe(each, [TOPIC]) for each in ("a", "b", PASSING + "c")]
        await bus.publish(numbered(3))
        for member in members:
            await member.done(await take(member, 3))
        await asyncio.sleep(1.0)
        before, cpu = bus.counters.copy(), sum(os.times()[:2])
        waiting = [asyncio.ensure_future(member.take(1)) for member in members]
        await asyncio.sleep(3.0)
        cpu = sum(os.times()[:2]) - cpu
        assert not any(bus.counters.since(before).values())
        assert cpu / 3.0 < 0.05, "of one processor, for three groups"
        for each in waiting:
            each.cancel()


class Watched:
    """Notes in which thread a client is asked for what may wait for a broker."""

    calls: ClassVar[list[tuple[str, int]]] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in WAITING:
            return found

        def asked(*args: Any, **options: Any) -> Any:
            Watched.calls.append((name, threading.get_ident()))
            return found(*args, **options)

        return asked


WAITING = {"poll", "consume", "commit", "committed", "list_topics", "flush", "close", "position"}


class WatchedConsumer(Watched, Consumer):
    """Of groups."""


class WatchedProducer(Watched, Producer):
    """Of a bus."""


async def test_the_loop_never_waits_for_brokers(kafka_url: str, monkeypatch: pytest.MonkeyPatch):
    """All that may take as long as an answer is asked in another thread than the event loop's."""
    monkeypatch.setattr(consuming, "Consumer", WatchedConsumer)
    monkeypatch.setattr(producing, "Producer", WatchedProducer)
    monkeypatch.setattr(Watched, "calls", [])
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        for n in range(5):
            await bus.publish(numbered(200, f"k{n}-"))
            await member.done(await take(member, 200))
        await member.close()
    here = threading.get_ident()
    assert not [name for name, thread in Watched.calls if thread == here]
    asked = {name for name, thread in Watched.calls if thread != here}
    assert asked >= {"poll", "consume", "commit", "committed", "close"}


async def test_a_passing_group_sees_everything_each_time(kafka_url: str):
    async with kafka(kafka_url) as bus, opened(bus.another()) as other:
        await bus.publish(numbered(3, "k"))
        for process in (bus, other, bus):
            member = await process.subscribe(PASSING + "observer", [TOPIC])
            assert ids(await take(member, 3)) == ["k0", "k1", "k2"]
            await member.close()
        groups = admin(bus).list_consumer_groups().result(20).valid
        assert not [each for each in groups if each.group_id.startswith(bus.options.prefix)]


async def test_a_group_can_be_waited_for_until_it_has_read_all(kafka_url: str):
    async with kafka(kafka_url) as bus:
        await bus.publish([out(f"{n}", f"key-{n % 9}") for n in range(700)])
        for group in (PASSING + "late", "billing"):
            member = await bus.subscribe(group, [TOPIC, "nothing"])
            seen: list[str] = []

            async def read_on(member=member, seen=seen) -> None:
                while taken := await member.take(50):
                    seen.extend(ids(taken))
                    await member.done(taken)

            reading = asyncio.ensure_future(read_on())
            await bus.read_up(group)
            assert len(seen) == 700
            reading.cancel()
        with pytest.raises(ConnectionFailedError, match="somebody has not read"):
            await bus.read_up("somebody")


async def test_topics_are_made_as_the_url_says(kafka_url: str):
    async with kafka(kafka_url, "partitions=5") as bus:
        await bus.publish([out("1"), out("2", topic="a b")])
        known = await asyncio.to_thread(admin(bus).list_topics, None, 20)
        for topic in (TOPIC, "a b"):
            assert len(known.topics[name(bus, topic)].partitions) == 5


async def test_a_topic_that_cannot_be_had_is_refused_in_a_sentence(kafka_url: str):
    async with kafka(kafka_url, "create=no") as bus:
        for ask in (bus.publish([out("1")]), bus.subscribe("billing", [TOPIC])):
            with pytest.raises(ConnectionFailedError, match=name(bus, TOPIC)) as refusal:
                await ask
            assert "create=no" in refusal.value.remedy
    async with kafka(kafka_url, "replication=7") as bus:
        with pytest.raises(ConnectionFailedError, match=r"cannot be had at .*[Rr]eplication"):
            await bus.publish([out("1")])


async def test_brokers_that_are_not_there_are_given_up_in_time():
    async with kafka("kafka://127.0.0.1:9", "timeout=1s") as bus:
        for ask in (bus.publish([out("1")]), bus.subscribe("billing", [TOPIC])):
            began = time.monotonic()
            with pytest.raises(ConnectionFailedError, match=r"kafka://127\.0\.0\.1:9") as refusal:
                await ask
            assert time.monotonic() - began < 10
            assert refusal.value.remedy


async def test_a_bus_that_is_closed_says_so(kafka_url: str):
    async with kafka(kafka_url) as bus:
        pass
    for ask in (bus.publish([]), bus.subscribe("a", [TOPIC]), bus.lag(), bus.read_up("a")):
        with pytest.raises(ConnectionFailedError, match="not open"):
            await ask
