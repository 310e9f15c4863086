"""Programs that know nothing of Pavane share topics with it on RabbitMQ: CloudEvents in and out."""

import asyncio
import datetime
import json
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import aio_pika
import pytest

from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.adapters.rabbitmq.wire import UNREADABLE
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import JOURNAL, Delivery, role_topic
from pavane.testing.contracts.bus.harness import TOPIC, event, ids, numbered, opened, out
from tests.contract.test_rabbitmq_bus import removed

pytestmark = pytest.mark.anyio

PATIENCE_S = 20.0


@pytest.fixture
async def bus(rabbitmq_url: str) -> AsyncGenerator[RabbitBus]:
    url = f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-"
    async with asyncio.timeout(PATIENCE_S * 2), opened(RabbitBus(url)) as bus:
        yield bus
    await removed(rabbitmq_url, [bus])


@pytest.fixture
async def channel(rabbitmq_url: str) -> AsyncGenerator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield await connection.channel()


async def sent(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel, message: aio_pika.Message, key: str = ""
) -> None:
    exchange = await channel.get_exchange(bus.options.prefix + TOPIC, ensure=True)
    await exchange.publish(message, routing_key=key)


async def test_a_plain_consumer_reads_binary_cloudevents(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel
):
    await bus.publish(numbered(1))  # makes the exchange; nobody listens yet
    assert bus.counters.unrouted == 1
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(bus.options.prefix + TOPIC)
    odd = out("ünï 7", "order-7", data=bytes(range(256)), datacontenttype="image/png")
    await bus.publish([odd])
    message = await queue.get(timeout=PATIENCE_S)
    assert message is not None
    assert message.body == bytes(range(256))
    assert (message.content_type, message.routing_key) == ("image/png", "order-7")
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.headers == {
        "ce-specversion": "1.0",
        "ce-id": "ünï 7",
        "ce-source": "/shop/payment",
        "ce-type": "com.example.paid",
        "ce-subject": "order-1",
        "ce-dataschema": "https://example.org/order.json",
        "ce-time": "2026-01-02T03:04:05.678Z",
        "ce-procinstance": "7",
        "ce-correlationid": "é",
    }


@pytest.mark.parametrize("prefix", ["ce-", "cloudEvents:", "cloudEvents_"])
async def test_a_plain_producer_writes_binary_cloudevents(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel, prefix: str
):
    member = await bus.subscribe("billing", [TOPIC])
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": "1",
        "source": "/elsewhere",
        "type": "shop.paid",
        "time": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        "amount": 7,
        "urgent": True,
    }
    headers = {prefix + name: value for name, value in attributes.items()} | {"other": "x"}
    await sent(
        bus, channel, aio_pika.Message(b'{"a":1}', headers=headers, content_type="application/json")
    )
    (delivery,) = await member.take(9)
    assert delivery.fault == ""
    assert (delivery.event.id, delivery.event.source) == ("1", "/elsewhere")
    assert delivery.event.data == b'{"a":1}'
    assert delivery.event.time == 1_767_323_045_000
    assert delivery.event.attributes == {"amount": "7", "urgent": "true"}


async def test_structured_cloudevents_go_both_ways(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel
):
    member = await bus.subscribe("billing", [TOPIC])
    body = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t.v1", "data": {"a": 1}}
    message = aio_pika.Message(
        json.dumps(body).encode(), content_type="application/cloudevents+json; charset=utf-8"
    )
    await sent(bus, channel, message)
    (delivery,) = await member.take(9)
    assert (delivery.event.id, delivery.event.data) == ("1", b'{"a": 1}')
    about = out("2", data=b"<e/>", datacontenttype="application/cloudevents+xml")
    await bus.publish([about])
    (delivery,) = await member.take(9)
    assert delivery.event == about.event


async def test_what_is_no_event_keeps_its_bytes_and_says_why(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel
):
    member = await bus.subscribe("billing", [TOPIC])
    await sent(bus, channel, aio_pika.Message(b"\xff\x00", headers={"x": "y"}))
    await sent(
        bus, channel, aio_pika.Message(b"[]", content_type="application/cloudevents-batch+json")
    )
    await sent(bus, channel, aio_pika.Message(b"{", content_type="application/cloudevents+json"))
    taken: list[Delivery] = []
    while len(taken) < 3:
        taken += await member.take(9)
    assert [each.event.data for each in taken] == [b"\xff\x00", b"[]", b"{"]
    assert {each.event.type for each in taken} == {UNREADABLE}
    assert "`specversion`" in taken[0].fault
    assert "batch" in taken[1].fault
    assert "no JSON object" in taken[2].fault
    assert taken[0].event.attributes == {"rabbitmqheaders": "[('x', 'y')]"}
    await member.back(taken[0], 0)
    (again,) = await member.take(9)
    assert (again.event, again.fault, again.times) == (taken[0].event, taken[0].fault, 2)
    assert bus.counters.faults == 4


async def test_a_role_finds_what_was_sent_before_it_was_there(bus: RabbitBus):
    await bus.publish(numbered(3, "k", topic=role_topic("billing")))
    assert bus.counters.unrouted == 0
    member = await bus.subscribe("billing", [role_topic("billing")])
    taken: list[Delivery] = []
    while len(taken) < 3:
        taken += await member.take(9)
    assert ids(taken) == ["k0", "k1", "k2"]


async def test_a_queue_that_was_deleted_is_made_again(
    bus: RabbitBus, channel: aio_pika.abc.AbstractChannel
):
    topic = role_topic("billing")
    await bus.publish(numbered(1, topic=topic))
    await channel.queue_delete(f"{bus.options.prefix}billing/{topic}")
    with pytest.raises(ConnectionFailedError, match="has lost the queue"):
        await bus.publish(numbered(1, topic=topic))
    await bus.publish(numbered(1, topic=topic, start=7))
    assert ids(await (await bus.subscribe("billing", [topic])).take(9)) == ["7"]
    await channel.exchange_delete(bus.options.prefix + TOPIC)
    await bus.publish(numbered(1))
    await channel.exchange_delete(bus.options.prefix + TOPIC)
    with pytest.raises(ConnectionFailedError, match="not confirmed"):
        await bus.publish(numbered(1))
    await bus.publish(numbered(1))


async def test_a_passing_group_gets_the_past_and_leaves_nothing(bus: RabbitBus):
    await bus.publish(numbered(5, topic=JOURNAL))
    for _ in range(2):
        member = await bus.subscribe("~watcher", [JOURNAL])
        taken: list[Delivery] = []
        while len(taken) < 5:
            taken += await member.take(2)
        reading = asyncio.ensure_future(bus.read_up("~watcher"))
        await member.back(taken[0], 0)
        await member.done(taken[1:])
        (again,) = await member.take(9)
        assert (again.event.id, again.times) == ("0", 2)
        assert not reading.done()
        await member.done([again])
        waiting = asyncio.ensure_future(member.take(9))
        await reading
        assert not waiting.done()
        assert ids(taken) == [str(n) for n in range(5)]
        await member.close()
        assert await waiting == []


async def test_how_far_groups_are_behind(bus: RabbitBus):
    member = await bus.subscribe("billing", [TOPIC, "calm"])
    await bus.publish(numbered(4))
    with pytest.raises(ConnectionFailedError, match="has not read"):
        await bus.read_up("nobody")
    taken: list[Delivery] = []
    while len(taken) < 4:
        taken += await member.take(9)
    reading = asyncio.ensure_future(bus.read_up("billing"))
    await asyncio.sleep(0.1)
    assert not reading.done()
    await member.done(taken)
    await reading
    assert await bus.lag() == {"billing": {TOPIC: 0, "calm": 0}}
    async with opened(RabbitBus(options=bus.options)) as other:
        await other.subscribe("billing", [TOPIC])  # it stands by
        await member.close()
        assert await bus.lag() == {}
    await bus.publish(numbered(3))
    narrow = RabbitBus(f"{bus.options.address}&prefix={bus.options.prefix}&prefetch=1")
    async with opened(narrow):
        (late, *_) = await (await narrow.subscribe("billing", [TOPIC])).take(1)
        assert late.event.id == "0"
        assert await narrow.lag() == {"billing": {TOPIC: 2}}


async def test_an_event_that_may_not_travel_is_seen_as_it_is(bus: RabbitBus):
    member = await bus.subscribe("billing", [TOPIC])
    await bus.publish([out("a\tb")])
    (delivery,) = await member.take(9)
    assert "U+0009" in delivery.fault
    assert delivery.event.data == event("").data
