"""The RabbitMQ bus keeps the promises of a bus, on a real broker."""

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import aiormq
import pytest

from pavane.adapters.rabbitmq.bus import RabbitBus
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import ORDERED, BusContract

pytestmark = pytest.mark.anyio


class TestRabbitBus(BusContract):
    features = frozenset({ORDERED, "passing"})
    patience_s = 20.0
    quiet_s = 0.3

    @pytest.fixture(autouse=True)
    async def broker(self, rabbitmq_url: str) -> AsyncGenerator[None]:
        """Names of this test's own on the shared broker, and nothing left behind."""
        self.url = f"{rabbitmq_url}?prefix={uuid.uuid4().hex[:12]}-&kept=shop."
        self.buses: list[RabbitBus] = []
        yield
        await removed(rabbitmq_url, self.buses)

    async def create(self, folder: Path) -> Bus:
        self.buses.append(RabbitBus(self.url))
        return self.buses[-1]

    async def another(self, bus: Bus) -> Bus:
        return await self.create(Path())

    async def die(self, bus: Bus) -> Bus:
        assert isinstance(bus, RabbitBus)
        await bus.crash()
        return await self.create(Path())


async def removed(url: str, buses: list[RabbitBus]) -> None:
    """Delete from the broker what these buses have made there, but for the delays that all use."""
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    for kind, name in {tuple(each.split(" ", 1)) for bus in buses for each in bus.topology.known}:
        if "delay" not in name:
            delete = channel.queue_delete if kind == "queue" else channel.exchange_delete
            await delete(name)
    await connection.close()
