"""How the suite writes effects beside results, and reads both back."""

from __future__ import annotations

from typing import Any, Final

from pavane.ports.ledger import Ledger
from pavane.ports.results import Result, Transaction

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS effect (name TEXT, amount INTEGER)"


def result(key: str, output: bytes | None = b'{"paid":160}', at: int = 1000) -> Result:
    """What is recorded under a key."""
    return Result(key, output, at)


def put(transaction: Transaction, name: str, amount: int = 1) -> None:
    """Have an effect."""
    values = (name, amount)
    transaction.connection.execute("INSERT INTO effect(name, amount) VALUES (?, ?)", values)


async def effects(ledger: Ledger) -> list[str]:
    """The names of the effects that stand."""
    async with ledger.results.transaction(read_only=True) as transaction:
        return names(transaction)


def names(transaction: Transaction) -> list[str]:
    """The names of the effects, as a transaction sees them."""
    rows: list[Any] = transaction.connection.execute(
        "SELECT name FROM effect ORDER BY name"
    ).fetchall()
    return [row[0] for row in rows]


async def known_since(ledger: Ledger) -> int:
    """From when on no result is missing."""
    async with ledger.results.transaction(read_only=True) as transaction:
        return transaction.known_since()


async def recorded(ledger: Ledger, *keys: str) -> dict[str, bytes | None]:
    """The outputs that are recorded under these keys."""
    found = await ledger.results.find(keys)
    return {key: each.output for key, each in found.items()}


async def done(ledger: Ledger, key: str, **fields: Any) -> None:
    """An effect and its result, committed together."""
    async with ledger.results.transaction() as transaction:
        put(transaction, key)
        await transaction.commit([result(key, **fields)])
