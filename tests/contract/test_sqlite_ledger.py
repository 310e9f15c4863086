"""The SQLite ledger keeps the promises of a ledger: with its thread, without, and in memory."""

from pathlib import Path

from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.ledger import ALONE, FULL, LEASED, LedgerContract


class Silenced(SqliteLedger):
    """Gives no sign of life once it is told so, as a process that is stopped."""

    is_silent = False

    def _beat(self) -> None:
        if not self.is_silent:
            super()._beat()


class TestSqliteLedger(LedgerContract):
    features = frozenset({ALONE, FULL, LEASED})

    async def create(self, folder: Path) -> Ledger:
        return Silenced(folder / "payment.db", lease_s=0.3)

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, SqliteLedger)
        return ledger.crash()

    async def again(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, SqliteLedger)
        return SqliteLedger(ledger.path, lease_s=0.3)

    async def silence(self, ledger: Ledger) -> None:
        assert isinstance(ledger, Silenced)
        ledger.is_silent = True

    async def fill(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        pages = ledger._connection.execute("PRAGMA page_count").fetchall()[0][0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")

    async def make_room(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        ledger._connection.execute(f"PRAGMA max_page_count = {1 << 30}")


class TestSqliteLedgerWithoutThread(TestSqliteLedger):
    features = frozenset({ALONE, FULL, LEASED})

    async def create(self, folder: Path) -> Ledger:
        return Silenced(folder / "payment.db", commit_thread=False, flushing="OFF", lease_s=0.3)


class TestSqliteLedgerInMemory(TestSqliteLedger):
    features = frozenset({FULL})

    async def create(self, folder: Path) -> Ledger:
        return SqliteLedger(":memory:", commit_thread=False)
