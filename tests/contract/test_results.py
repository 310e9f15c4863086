"""The results of the ledgers keep their promises: in a file with its thread, without, in memory."""

from pathlib import Path

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.results import CLOSED, FULL, ONE_BY_ONE, ResultsContract


class TestMemoryResults(ResultsContract):
    features = frozenset({CLOSED, FULL, ONE_BY_ONE})

    async def create(self, folder: Path) -> Ledger:
        return MemoryLedger()

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, MemoryLedger)
        return ledger.crash()

    async def fill(self, ledger: Ledger) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.full = True

    async def make_room(self, ledger: Ledger) -> None:
        assert isinstance(ledger, MemoryLedger)
        ledger.full = False


class TestSqliteResults(ResultsContract):
    features = frozenset({CLOSED, FULL, ONE_BY_ONE})

    async def create(self, folder: Path) -> Ledger:
        return SqliteLedger(folder / "payment.db")

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, SqliteLedger)
        return ledger.crash()

    async def fill(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        pages = ledger._connection.execute("PRAGMA page_count").fetchall()[0][0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")

    async def make_room(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        ledger._connection.execute(f"PRAGMA max_page_count = {1 << 30}")


class TestSqliteResultsWithoutThread(TestSqliteResults):
    async def create(self, folder: Path) -> Ledger:
        return SqliteLedger(folder / "payment.db", commit_thread=False, flushing="OFF")


class TestSqliteResultsInMemory(TestSqliteResults):
    async def create(self, folder: Path) -> Ledger:
        return SqliteLedger(":memory:", commit_thread=False)
