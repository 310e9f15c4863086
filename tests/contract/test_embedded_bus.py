"""The embedded bus keeps the promises of a bus."""

from pathlib import Path

from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.ports.bus import Bus
from pavane.testing.contracts.bus import KEPT, ORDERED, PASSES, BusContract


class TestEmbeddedBus(BusContract):
    features = frozenset({ORDERED, KEPT, PASSES, "log"})

    async def create(self, folder: Path) -> Bus:
        return EmbeddedBus(folder / "bus")

    async def another(self, bus: Bus) -> Bus:
        assert isinstance(bus, EmbeddedBus)
        return EmbeddedBus(bus.folder.path)

    async def die(self, bus: Bus) -> Bus:
        assert isinstance(bus, EmbeddedBus)
        return bus.crash()
