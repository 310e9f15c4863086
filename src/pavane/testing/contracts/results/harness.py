"""How the suite writes effects beside results, and reads both back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, Final

from pavane.ports.ledger import Ledger
from pavane.ports.results import APSW, HasResults, Result, Transaction
from pavane.testing.contracts.ledger.harness import LedgerHarness

ONE_BY_ONE: Final = "one by one"  # one transaction at a time, whatever keys they name, in order
CLOSED: Final = "closed"  # the ledger's tables are neither altered, replaced nor added to
SHARED: Final = "shared"  # several processes record and transact at once

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS effect (name TEXT, amount INTEGER)"


def result(key: str, output: bytes | None = b'{"paid":160}', at: int = 1000) -> Result:
    """What is recorded under a key."""
    return Result(key, output, at)


class ResultsHarness(LedgerHarness):
    """What a subclass says about the results under test, and what the tests do with them.

    By default connections are `apsw.Connection`; for another kind say how to use it.
    """

    asked: ClassVar[str] = APSW

    async def execute(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement as a function of the service would; the rows that it gives."""
        return list(connection.execute(sql))

    @asynccontextmanager
    async def part(self, connection: Any) -> AsyncGenerator[None]:
        """Undo what is done inside, if an error comes out of it."""
        with connection:
            yield

    async def sharing(self, ledger: Ledger) -> HasResults:
        """Feature SHARED: what another process uses at the same time, not open yet."""
        raise NotImplementedError

    # --- what the tests do ----------------------------------------------------------------------

    def transacting(
        self, ledger: HasResults, keys: Collection[str] = (), *, read_only: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of a function that asks for such a connection."""
        return ledger.results.transaction(keys, read_only=read_only, asked=self.asked)

    async def put(self, transaction: Transaction, name: str, amount: int = 1) -> None:
        """Have an effect."""
        sql = f"INSERT INTO effect (name, amount) VALUES ('{name}', {amount})"
        await self.execute(transaction.connection, sql)

    async def names(self, transaction: Transaction) -> list[str]:
        """The names of the effects, as a transaction sees them."""
        rows = await self.execute(transaction.connection, "SELECT name FROM effect ORDER BY name")
        return [row[0] for row in rows]

    async def effects(self, ledger: HasResults) -> list[str]:
        """The names of the effects that stand."""
        async with self.transacting(ledger, read_only=True) as transaction:
            return await self.names(transaction)

    async def done(self, ledger: HasResults, key: str, *also: str, **fields: Any) -> None:
        """An effect and its result, committed together; `also` are other keys to look for."""
        async with self.transacting(ledger, [key, *also]) as transaction:
            await self.put(transaction, key)
            await transaction.commit([result(key, **fields)])

    async def known_since(self, ledger: HasResults) -> int:
        """From when on no result is missing."""
        async with self.transacting(ledger, ["none"]) as transaction:
            return transaction.known_since


async def recorded(ledger: HasResults, *keys: str) -> dict[str, bytes | None]:
    """The outputs that are recorded under these keys."""
    found = await ledger.results.find(keys)
    return {key: each.output for key, each in found.items()}
