"""Events on Kafka as the CloudEvents binding has them; the SDK of CloudEvents is the judge."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_binary_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent as Foreign
from confluent_kafka import Message

from pavane.adapters.kafka.wire import UNREADABLE, decode, encode
from pavane.core.model.event import CloudEvent


def message(headers: Any, value: bytes | None, key: bytes | None = None) -> Message:
    return Message(
        topic="t", partition=2, offset=7, key=key, value=value, headers=headers, timestamp=(1, 99)
    )


def test_the_sdk_reads_what_we_send():
    event = CloudEvent(
        id="7 é",
        source="/shop",
        type="shop.order.created.v1",
        subject="order 7",
        time=1_767_323_045_678,
        attributes={"procinstance": "x", "partitionkey": "7"},
        data=b'{"n": 1}',
    )
    headers, value = encode(event)
    found = {name: text.encode() for name, text in headers.items() if isinstance(text, str)}
    read = from_binary_event(KafkaMessage(headers=found, key=None, value=value))
    assert (read.get_id(), read.get_source(), read.get_type()) == (
        event.id,
        event.source,
        event.type,
    )
    assert read.get_subject() == "order 7"
    time = read.get_time()
    assert time is not None
    assert round(time.timestamp() * 1000) == event.time
    assert read.get_extension("procinstance") == "x"
    assert read.get_data() == {"n": 1}


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_we_read_what_the_sdk_sends(mode: str):
    attributes = {
        "id": "7 é",
        "source": "/shop",
        "type": "shop.order.created.v1",
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "datacontenttype": "application/json",
        "custom": "yes",
    }
    foreign = Foreign(attributes, {"n": 1})
    sent = to_binary_event(foreign) if mode == "binary" else to_structured_event(foreign)
    event, fault = decode(message(list(sent.headers.items()), sent.value))
    assert not fault
    assert (event.id, event.source, event.type) == ("7 é", "/shop", "shop.order.created.v1")
    assert event.time == 1_767_323_045_000
    assert event.attributes == {"custom": "yes"}
    assert msgspec.json.decode(event.data) == {"n": 1}


def test_data_that_would_pass_for_an_event_travels_inside_of_one():
    inner = CloudEvent("1", "/s", "t", datacontenttype="application/cloudevents+json", data=b"{}")
    headers, value = encode(inner)
    assert headers == {"content-type": "application/cloudevents+json"}
    assert decode(message(list(headers.items()), value)) == (inner, "")


@pytest.mark.parametrize(
    ("headers", "value", "why"),
    [
        (None, b"\x00\x01", "`specversion` is missing"),
        ([], None, "`specversion` is missing"),
        ([("ce_specversion", b"1.0"), ("ce_id", b"\xff")], b"", "utf-8"),
        ([("ce_id", b"1"), ("ce_id", b"2")], b"", "given twice"),
        ([("content-type", b"application/cloudevents-batch+json")], b"[]", "a batch"),
        ([("content-type", b"application/cloudevents+json")], b"{", "no JSON"),
    ],
)
def test_what_is_no_event_keeps_its_bytes_and_says_why(headers: Any, value: bytes, why: str):
    event, fault = decode(message(headers, value, b"k"))
    assert why in fault
    assert (event.id, event.type, event.time) == ("kafka:t/2/7", UNREADABLE, 99)
    assert event.data == (value or b"")
    assert event.attributes["kafkakey"] == "aw=="
    assert ("kafkaheaders" in event.attributes) == bool(headers)


def test_what_may_not_travel_goes_all_the_same_and_is_seen_there():
    headers, value = encode(CloudEvent("a\nb", "/s", "t", data=b"{}"))
    event, fault = decode(message(list(headers.items()), value))
    assert "`id` has a character that may not travel" in fault
    assert event.data == b"{}"
