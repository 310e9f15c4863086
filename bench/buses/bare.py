"""The bare clients, confluent-kafka and aio-pika, with the same promises as Pavane keeps.

Kafka: an idempotent producer with acks=all; a consumer that commits by hand, behind what it has
handled, at most twenty times a second. RabbitMQ: persistent messages, confirmed; a quorum queue
with one active reader; each message acknowledged when it is handled.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aio_pika
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,  # pyright: ignore[reportPrivateImportUsage]  # documented there, not re-exported
)

from bench.buses.events import JSON, KINDS, attributes, encoder, id_of, placed
from bench.buses.wave import PREFETCH, Wave, publishing, run

PARTITIONS = 6
COMMIT_S = 0.05
QUEUE = {"x-queue-type": "quorum", "x-single-active-consumer": True}


async def publish_kafka(url: str, name: str, events: int) -> None:
    producer = Producer(
        {
            "bootstrap.servers": url.removeprefix("kafka://"),
            "linger.ms": 1,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
        }
    )

    failed: list[object] = []

    def told(error: object, _: object) -> None:
        if error is not None:
            failed.append(error)

    async def send(numbers: range) -> None:
        for number in numbers:
            headers: dict[str, str | bytes | None] = {**attributes(number, "ce_")}
            headers["content-type"] = JSON
            value, key = encoder.encode(placed(number)), id_of(number).encode()
            producer.produce(name, value, key, headers=headers, on_delivery=told)
        producer.flush()
        assert not failed, failed

    await publishing(send, events)


async def handle_kafka(wave: Wave, url: str) -> None:
    servers = url.removeprefix("kafka://")
    make_topic(servers, wave.name)
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": wave.name,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
        }
    )
    consumer.subscribe([wave.name])
    wave.begin()
    commit_at = 0.0
    while not wave.over:
        first = consumer.poll(0.05)  # none waits until there are more
        for message in [first, *consumer.consume(499, 0)] if first is not None else ():
            assert message.error() is None
            headers: dict[str, Any] = dict(message.headers() or ())
            kind = headers["ce_type"]
            await take(KINDS[kind.decode()].decode(message.value() or b""), wave)
        if wave.handled and time.monotonic() > commit_at:
            commit_at = time.monotonic() + COMMIT_S
            consumer.commit(asynchronous=True)
    consumer.commit(asynchronous=False)


def make_topic(servers: str, name: str) -> None:
    """A topic with as many partitions as Pavane's have."""
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)


async def take(event: object, wave: Wave) -> None:
    """The handler."""
    del event
    wave.count()


async def publish_rabbitmq(url: str, name: str, events: int) -> None:
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(name)

    async def one(number: int) -> None:
        message = aio_pika.Message(
            encoder.encode(placed(number)),
            headers=dict(attributes(number, "ce-")),
            content_type=JSON,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, id_of(number))

    async def send(numbers: range) -> None:
        await asyncio.gather(*map(one, numbers))

    await publishing(send, events)
    await connection.close()


async def handle_rabbitmq(wave: Wave, url: str) -> None:
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    exchange = await channel.declare_exchange(wave.name, aio_pika.ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(wave.name, durable=True, arguments=QUEUE)
    await queue.bind(exchange)

    async def came(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        event = KINDS[str(message.headers["ce-type"])].decode(message.body)
        await take(event, wave)
        await message.ack()

    await queue.consume(came)
    wave.begin()
    await wave.wait()
    await queue.delete(if_unused=False, if_empty=False)
    await exchange.delete()
    await connection.close()


if __name__ == "__main__":
    run(
        "bench.buses.bare",
        {"kafka": publish_kafka, "rabbitmq": publish_rabbitmq},
        {"kafka": handle_kafka, "rabbitmq": handle_rabbitmq},
    )
