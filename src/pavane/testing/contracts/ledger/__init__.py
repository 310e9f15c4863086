"""What every ledger must keep: `LedgerContract`, a pytest suite over the promises in the port.

Subclass it and say how to build a ledger::

    class TestMyLedger(LedgerContract):
        features = frozenset({ALONE})

        async def create(self, folder: Path) -> Ledger:
            return MyLedger(folder / "rows")

        async def die(self, ledger: Ledger) -> Ledger:
            return ...  # what a new process would find if this one died now

        async def again(self, ledger: Ledger) -> Ledger:
            return ...  # a second one on the same data
"""

from pavane.testing.contracts.ledger.harness import ALONE, FULL, LEASED
from pavane.testing.contracts.ledger.keeping import KeepingTests
from pavane.testing.contracts.ledger.limits import LimitTests
from pavane.testing.contracts.ledger.reading import ReadingTests
from pavane.testing.contracts.ledger.waiting import WaitingTests
from pavane.testing.contracts.ledger.writing import WritingTests

__all__ = ["ALONE", "FULL", "LEASED", "LedgerContract"]


class LedgerContract(WritingTests, ReadingTests, WaitingTests, KeepingTests, LimitTests):
    """Every promise of a ledger. Override `create` and `die`; and what your features need."""
