"""What a batch costs on RabbitMQ, counted: one wait for confirmations, one acknowledgement each."""

import uuid

import pytest

from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.ports.bus import Delivery
from pavane.testing.contracts.bus.harness import TOPIC, numbered, opened
from tests.contract.test_rabbitmq_bus import removed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("count", [1, 100, 500])
async def test_a_batch_waits_once_whatever_its_size(rabbitmq_url: str, count: int):
    bus = RabbitBus(f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-")
    async with opened(bus):
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1, "warm"))
        await member.done(await member.take(1))
        before = bus.counters.copy()
        await bus.publish(numbered(count))
        taken: list[Delivery] = []
        while len(taken) < count:
            taken += await member.take(1000)
        await member.done(taken)
        await member.back(taken[0], 0)  # it is done: nothing happens
        spent = bus.counters.since(before)
        assert spent.pop("published_bytes") > 0
        assert spent == {
            "publishes": 1,
            "published": count,
            "deliveries": count,
            "given_back": 0,
            "done": count,
            "waits": 1,
            "declared": 0,
            "connections": 0,
            "unrouted": 0,
            "acknowledged": count,
            "delayed": 0,
            "faults": 0,
        }
    await removed(rabbitmq_url, [bus])


async def test_giving_back_costs_a_message_for_each_rest(rabbitmq_url: str):
    bus = RabbitBus(f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-")
    async with opened(bus):
        member = await bus.subscribe("billing", [TOPIC])
        await bus.publish(numbered(1))
        (first,) = await member.take(1)
        before = bus.counters.copy()
        await member.back(first, 150)  # 128 and 64 ms
        (second,) = await member.take(1)
        assert second.times == 2
        spent = bus.counters.since(before)
        assert (spent["waits"], spent["delayed"], spent["acknowledged"]) == (2, 2, 2)
        await member.done([second])
    await removed(rabbitmq_url, [bus])
