"""Programs without Pavane are on the same topics: their events come in, and they read ours."""

import asyncio

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent as Foreign

from pavane.adapters.kafka.wire import UNREADABLE
from pavane.testing.contracts.bus.harness import TOPIC, ids, out
from tests.contract.kafka.clients import consume, kafka, name, produce, take

pytestmark = pytest.mark.anyio


async def test_a_plain_consumer_reads_what_is_published(kafka_url: str):
    async with kafka(kafka_url) as bus:
        await bus.publish([out("1", "order-1", data=b'{"n":1}'), out("2", data=b"")])
        found = await asyncio.to_thread(consume, bus, TOPIC, 2)
    by_id = {}
    for message in found:
        assert message.error() is None
        headers = message.headers()
        assert isinstance(headers, list)
        sent = KafkaMessage(
            headers={key: value for key, value in headers if isinstance(value, bytes)},
            key=message.key(),
            value=message.value() or b"",
        )
        by_id[dict(headers)["ce_id"]] = message, sent
    message, sent = by_id[b"1"]
    assert message.key() == b"order-1"
    event = from_binary_event(sent)
    assert (event.get_id(), event.get_source()) == ("1", "/shop/payment")
    assert event.get_extension("correlationid") == "é"
    assert event.get_data() == {"n": 1}
    message, _ = by_id[b"2"]
    assert message.key() is None
    assert message.value() == b""  # no value at all would be a tombstone


async def test_a_plain_producers_events_come_in_and_the_rest_holds_up_nobody(kafka_url: str):
    async with kafka(kafka_url) as bus:
        member = await bus.subscribe("billing", [TOPIC])
        foreign = to_binary_event(Foreign({"id": "f", "source": "/x", "type": "a.b.v1"}, {"n": 1}))
        headers = {key: value.decode() for key, value in foreign.headers.items()}
        structured = b'{"specversion":"1.0","id":"s","source":"/x","type":"a.b.v1","data":{"n":2}}'
        content = {"content-type": "application/cloudevents+json"}
        value = foreign.value
        assert value is not None
        produce(
            bus,
            TOPIC,
            (b"k", b"\x00 no event", {}),
            (b"k", value, headers),
            (b"k", b"{broken", content),
            (b"k", structured, content),
        )
        taken = await take(member, 4)
        assert [bool(each.fault) for each in taken] == [True, False, True, False]
        assert ids([taken[1], taken[3]]) == ["f", "s"]
        assert taken[0].event.type == UNREADABLE
        assert taken[0].event.data == b"\x00 no event"
        assert taken[0].event.id.startswith(f"kafka:{name(bus, TOPIC)}/")
        assert taken[2].event.data == b"{broken"
        assert bus.counters.unreadable == 2
        await member.done(taken)
        await bus.publish([out("after", "k")])
        assert ids(await take(member, 1)) == ["after"]
