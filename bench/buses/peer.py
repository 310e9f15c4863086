"""FastStream on the same clients: a typed handler, acknowledged when it has handled the event.

The event is a struct of msgspec, decoded by FastStream's own serializer for these, which costs it
less than pydantic; attributes are written as headers by the program. Publishing hands over as many
at once as the other sides do. On Kafka it is taken one by one with AckPolicy.ACK, which asks for a
commit behind each: FastStream's way to acknowledge nothing before it is handled.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import Any

from bench.buses.bare import make_topic, take
from bench.buses.events import Placed, attributes, id_of, placed
from bench.buses.wave import PREFETCH, Wave, publishing, run

# By name, so that those who check types need not install the peer.
faststream: Any = importlib.import_module("faststream")
confluent: Any = importlib.import_module("faststream.confluent")
rabbit: Any = importlib.import_module("faststream.rabbit")
serializing: Any = importlib.import_module("fast_depends.msgspec")
WITH: dict[str, Any] = {
    "serializer": serializing.MsgSpecSerializer(),
    "logger": None,
    "log_level": logging.CRITICAL,
}


def _kafka(url: str) -> Any:
    servers = url.removeprefix("kafka://")
    return confluent.KafkaBroker(servers, acks="all", enable_idempotence=True, linger_ms=1, **WITH)


async def publish_kafka(url: str, name: str, events: int) -> None:
    broker = _kafka(url)
    await broker.connect()
    await broker.start()

    async def one(number: int) -> None:
        headers = attributes(number, "ce_")
        await broker.publish(placed(number), name, key=id_of(number).encode(), headers=headers)

    async def send(numbers: range) -> None:
        await asyncio.gather(*map(one, numbers))

    await publishing(send, events)
    await broker.stop()


async def handle_kafka(wave: Wave, url: str) -> None:
    make_topic(url.removeprefix("kafka://"), wave.name)
    broker = _kafka(url)

    @broker.subscriber(
        wave.name,
        group_id=wave.name,
        ack_policy=faststream.AckPolicy.ACK,
        auto_offset_reset="earliest",
    )
    async def came(event: Placed) -> None:
        await take(event, wave)

    await _until_all_came(broker, wave)


async def _until_all_came(broker: Any, wave: Wave) -> None:
    await broker.start()
    wave.begin()
    await wave.wait()
    await broker.stop()


def _exchange(name: str) -> Any:
    return rabbit.RabbitExchange(name, type=rabbit.ExchangeType.FANOUT, durable=True)


def _rabbitmq(url: str) -> Any:
    channel = rabbit.Channel(prefetch_count=PREFETCH)
    return rabbit.RabbitBroker(url, default_channel=channel, **WITH)


async def publish_rabbitmq(url: str, name: str, events: int) -> None:
    broker, exchange = _rabbitmq(url), _exchange(name)
    await broker.connect()
    await broker.start()

    async def one(number: int) -> None:
        headers: dict[str, Any] = {**attributes(number, "ce-")}
        routed: dict[str, Any] = {"exchange": exchange, "routing_key": id_of(number)}
        await broker.publish(placed(number), **routed, headers=headers, persist=True)

    async def send(numbers: range) -> None:
        await asyncio.gather(*map(one, numbers))

    await publishing(send, events)
    await broker.stop()


async def handle_rabbitmq(wave: Wave, url: str) -> None:
    broker = _rabbitmq(url)
    queue = rabbit.RabbitQueue(
        wave.name,
        durable=True,
        queue_type=rabbit.schemas.queue.QueueType.QUORUM,
        arguments={"x-single-active-consumer": True},
    )

    @broker.subscriber(queue, _exchange(wave.name), ack_policy=faststream.AckPolicy.REJECT_ON_ERROR)
    async def came(event: Placed) -> None:
        await take(event, wave)

    await _until_all_came(broker, wave)


if __name__ == "__main__":
    run(
        "bench.buses.peer",
        {"kafka": publish_kafka, "rabbitmq": publish_rabbitmq},
        {"kafka": handle_kafka, "rabbitmq": handle_rabbitmq},
    )
