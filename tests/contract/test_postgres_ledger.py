"""The PostgreSQL ledger keeps the promises of a ledger."""

from pathlib import Path

import pytest

from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.ledger import ALONE, FULL, LEASED, LedgerContract
from tests.postgres import died, fill, make_room


class Silenced(PostgresLedger):
    """Gives no sign of life once it is told so, as a process that is stopped."""

    is_silent = False

    async def _beat(self) -> None:
        if not self.is_silent:
            await super()._beat()


class TestPostgresLedger(LedgerContract):
    features = frozenset({ALONE, FULL, LEASED})
    url: str

    @pytest.fixture(autouse=True)
    def place(self, postgres_schema: str) -> None:
        self.url = postgres_schema

    async def create(self, folder: Path) -> Ledger:
        return Silenced(self.url, lease_s=0.5)

    async def die(self, ledger: Ledger) -> Ledger:
        assert isinstance(ledger, PostgresLedger)
        return await died(ledger)

    async def again(self, ledger: Ledger) -> Ledger:
        return PostgresLedger(self.url, lease_s=0.5)

    async def silence(self, ledger: Ledger) -> None:
        assert isinstance(ledger, Silenced)
        ledger.is_silent = True

    async def fill(self, ledger: Ledger) -> None:
        await fill(self.url)

    async def make_room(self, ledger: Ledger) -> None:
        await make_room(self.url)
