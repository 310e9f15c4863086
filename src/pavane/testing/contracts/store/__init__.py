"""What every store must keep: `StoreContract`, a pytest suite over the promises in the port.

Subclass it and say how to build a store::

    class TestMyStore(StoreContract):
        features = frozenset({ALONE, DENSE})

        async def create(self, folder: Path) -> Store:
            return MyStore(folder / "rows")

        async def die(self, store: Store) -> Store:
            return ...  # what a new process would find if this one died now
"""

from pavane.testing.contracts.store.bounding import BoundingTests
from pavane.testing.contracts.store.harness import ALONE, DENSE, FULL
from pavane.testing.contracts.store.keys import KeyTests
from pavane.testing.contracts.store.limits import LimitTests
from pavane.testing.contracts.store.members import SHARED, MemberTests
from pavane.testing.contracts.store.own import OwnTests
from pavane.testing.contracts.store.pacing import PacingTests
from pavane.testing.contracts.store.past import PastTests
from pavane.testing.contracts.store.reading import ReadingTests
from pavane.testing.contracts.store.schedules import ScheduleTests
from pavane.testing.contracts.store.views import ViewTests
from pavane.testing.contracts.store.waiting import WaitingTests
from pavane.testing.contracts.store.writing import WritingTests

__all__ = ["ALONE", "DENSE", "FULL", "SHARED", "StoreContract"]


class StoreContract(
    WritingTests,
    ReadingTests,
    WaitingTests,
    OwnTests,
    PacingTests,
    BoundingTests,
    ViewTests,
    LimitTests,
    KeyTests,
    ScheduleTests,
    MemberTests,
    PastTests,
):
    """Every promise of a store. Override `create` and `die`; and what your features need."""
