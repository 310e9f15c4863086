"""What the results of every ledger must keep: `ResultsContract`, over the promises in the port.

Subclass it and say how to build a ledger, as for `LedgerContract`; the service's tables are made
and read with plain SQL.
"""

from pavane.testing.contracts.ledger.harness import FULL
from pavane.testing.contracts.results.harness import CLOSED, ONE_BY_ONE, SHARED
from pavane.testing.contracts.results.lending import LendingTests
from pavane.testing.contracts.results.recording import RecordingTests

__all__ = ["CLOSED", "FULL", "ONE_BY_ONE", "SHARED", "ResultsContract"]


class ResultsContract(LendingTests, RecordingTests):
    """Every promise of recorded results. Override `create` and `die`; and what FULL needs."""
