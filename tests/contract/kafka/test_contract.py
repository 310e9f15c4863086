"""The Kafka bus keeps the promises of a bus, on a real broker, with both protocols of groups."""

import uuid
from pathlib import Path

import pytest

from pavane.adapters.kafka.bus import KafkaBus
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import KEPT, ORDERED, PASSES, BusContract

OPTIONS = "partitions=3&session=1s"


class KafkaContract(BusContract):
    patience_s = 20.0
    quiet_s = 0.4
    protocol = "classic"

    @pytest.fixture(autouse=True)
    def broker(self, kafka_url: str) -> None:
        self.url = kafka_url

    async def create(self, folder: Path) -> Bus:
        own = f"prefix={uuid.uuid4().hex[:12]}-&protocol={self.protocol}"
        return KafkaBus(f"{self.url}?{OPTIONS}&{own}")

    async def another(self, bus: Bus) -> Bus:
        assert isinstance(bus, KafkaBus)
        return bus.another()

    async def die(self, bus: Bus) -> Bus:
        assert isinstance(bus, KafkaBus)
        return bus.crash()


class TestKafkaBus(KafkaContract):
    features = frozenset({ORDERED, KEPT, PASSES})


class TestKafkaBusWithTheNewProtocol(KafkaContract):
    features = frozenset({ORDERED, KEPT, PASSES})
    protocol = "consumer"
