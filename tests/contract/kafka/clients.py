"""Buses and plain clients on a broker, for tests; each test has names of its own."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.kafka.names import kafka_topic
from pavane.ports.bus import Delivery, Subscription
from pavane.testing.contracts.bus.harness import opened

PATIENCE_S = 30.0


@asynccontextmanager
async def kafka(url: str, options: str = "") -> AsyncGenerator[KafkaBus]:
    """An open bus with names that nobody else has; what it made is deleted."""
    prefix = f"{uuid.uuid4().hex[:12]}-"
    own = f"{url}?partitions=3&session=1s&prefix={prefix}{options and '&' + options}"
    async with opened(KafkaBus(own)) as bus:
        yield bus


def servers(bus: KafkaBus) -> dict[str, Any]:
    """How a plain client finds the brokers."""
    return {"bootstrap.servers": bus.options.servers}


def name(bus: KafkaBus, topic: str) -> str:
    """What a topic is called in Kafka."""
    return kafka_topic(topic, bus.options.prefix)


def admin(bus: KafkaBus) -> AdminClient:
    return AdminClient(servers(bus))


def produce(bus: KafkaBus, topic: str, *messages: tuple[bytes | None, bytes, dict[str, str]]):
    """As a program without Pavane does: key, value and headers."""
    producer = Producer(servers(bus))
    for key, value, headers in messages:
        producer.produce(name(bus, topic), value, key, headers=list(headers.items()))
    assert producer.flush(PATIENCE_S) == 0


def consume(bus: KafkaBus, topic: str, count: int) -> list[Message]:
    """As a program without Pavane does."""
    consumer = Consumer(
        {**servers(bus), "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([name(bus, topic)])
        return consumer.consume(count, PATIENCE_S)
    finally:
        consumer.close()


def committed(bus: KafkaBus, group: str, topic: str) -> dict[int, tuple[int, str]]:
    """The offsets of a group, with what stands beside them, by partition."""
    consumer = Consumer({**servers(bus), "group.id": f"{bus.options.prefix}pavane.{group}"})
    try:
        asked = [TopicPartition(name(bus, topic), n) for n in range(bus.options.partitions)]
        found = consumer.committed(asked, timeout=PATIENCE_S)
        return {each.partition: (each.offset, each.metadata or "") for each in found}
    finally:
        consumer.close()


async def take(member: Subscription, count: int, limit: int = 100) -> list[Delivery]:
    """So many at least, not yet done."""
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += await member.take(min(limit, count - len(found)))
    return found


async def until(condition, timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that nothing else tells of."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  the condition has no event
            await asyncio.sleep(0.02)
