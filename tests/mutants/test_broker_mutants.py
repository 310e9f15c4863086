"""The bus's contract suite, on the real brokers, fails for adapters that are usually wrong."""

import asyncio
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from pavane.adapters.kafka.bus import KafkaBus
from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import ORDERED, BusContract
from pavane.testing.contracts.bus.harness import opened
from tests.contract.test_rabbitmq_bus import removed
from tests.mutants import brokers

pytestmark = pytest.mark.anyio

TO_ANOTHER = "test_again_what_a_member_had_goes_to_another"
PUBLISHED = "test_durable_the_publisher_dies_at_once"


class Suite(BusContract):
    """The suite over one kind of bus. Pytest does not collect it: its name says so."""

    features = frozenset({ORDERED})
    patience_s = 5.0
    quiet_s = 0.3

    def __init__(self, build: type[KafkaBus] | type[RabbitBus], url: str) -> None:
        self.build = build
        self.url = url
        self.rabbits: list[RabbitBus] = []

    async def create(self, folder: Path) -> Bus:
        bus = self.build(self.url)
        if isinstance(bus, RabbitBus):
            self.rabbits.append(bus)
        return bus

    async def another(self, bus: Bus) -> Bus:
        return await self.create(Path())

    async def die(self, bus: Bus) -> Bus:
        if isinstance(bus, RabbitBus):
            await bus.crash()
        else:
            assert isinstance(bus, KafkaBus)
            bus.crash()
        return await self.create(Path())


async def run(suite: Suite, test: str) -> None:
    """One test of the suite; what the broken bus leaves undone is of no interest."""
    async with opened(await suite.create(Path())) as bus:
        await getattr(suite, test)(bus)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (brokers.KafkaEarly, TO_ANOTHER),
        (brokers.KafkaTooFar, TO_ANOTHER),
        (brokers.KafkaUnconfirmed, PUBLISHED),
    ],
)
async def test_a_broken_bus_on_kafka_is_caught(broken: type[KafkaBus], test: str, kafka_url: str):
    own = f"partitions=1&session=1s&prefix={uuid.uuid4().hex[:12]}-"
    with pytest.raises((AssertionError, TimeoutError)):
        await run(Suite(broken, f"{kafka_url}?{own}"), test)


@pytest.mark.parametrize(
    ("broken", "test"),
    [(brokers.RabbitEarly, TO_ANOTHER), (brokers.RabbitUnconfirmed, PUBLISHED)],
)
async def test_a_broken_bus_on_rabbitmq_is_caught(
    broken: type[RabbitBus], test: str, rabbitmq_url: str
):
    suite = Suite(broken, f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-")
    try:
        with pytest.raises((AssertionError, TimeoutError)):
            await run(suite, test)
    finally:
        with suppress(ConnectionFailedError):
            await removed(rabbitmq_url, suite.rabbits)
        for bus in suite.rabbits:
            if isinstance(bus, brokers.RabbitUnconfirmed):
                await asyncio.gather(*bus.sending, return_exceptions=True)
