"""What every bus must keep: `BusContract`, a pytest suite over the promises in the port.

Subclass it and say how to build a bus::

    class TestMyBus(BusContract):
        features = frozenset({ORDERED, KEPT})

        async def create(self, folder: Path) -> Bus:
            return MyBus(folder)

        async def another(self, bus: Bus) -> Bus:
            return ...  # another process's connection to the same bus

        async def die(self, bus: Bus) -> Bus:
            return ...  # its process dies; what the next one would open
"""

from pavane.testing.contracts.bus.delivering import DeliveringTests
from pavane.testing.contracts.bus.harness import KEPT, ORDERED, PASSES
from pavane.testing.contracts.bus.ordering import OrderingTests
from pavane.testing.contracts.bus.pacing import PacingTests

__all__ = ["KEPT", "ORDERED", "PASSES", "BusContract"]


class BusContract(DeliveringTests, PacingTests, OrderingTests):
    """Every promise of a bus. Override `create`, `another` and `die`; say what it has."""
