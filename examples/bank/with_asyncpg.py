"""Accounts in PostgreSQL: tasks that write with asyncpg, once for each step."""

# pyright: standard, reportMissingTypeStubs=false
# (asyncpg has no types of its own)

import asyncpg

from pavane import Fail, Service, workflow

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, cents bigint CHECK (cents >= 0));
INSERT INTO account VALUES ('ann', 10000), ('bob', 0) ON CONFLICT DO NOTHING;
"""
CHANGE = "UPDATE account SET cents = cents + $2 WHERE name = $1 RETURNING cents"

bank = Service("bank", schema=SCHEMA)


@bank.task
async def give_back(db: asyncpg.Connection, account: str, cents: int) -> None:
    await db.execute(CHANGE, account, cents)


@bank.task(undo=give_back)
async def withdraw(db: asyncpg.Connection, account: str, cents: int) -> int:
    return await changed(db, account, -cents)


@bank.task
async def deposit(db: asyncpg.Connection, account: str, cents: int) -> int:
    return await changed(db, account, cents)


async def changed(db: asyncpg.Connection, account: str, cents: int) -> int:
    try:
        left: int | None = await db.fetchval(CHANGE, account, cents)
    except asyncpg.CheckViolationError as error:
        raise Fail(f"{account} has not so much") from error
    if left is None:
        raise Fail(f"there is no account {account}")
    return left


@workflow
async def transfer(source: str, target: str, cents: int) -> int:
    """What is left at the source. Where the target is unknown, the money comes back."""
    left = await withdraw(source, cents)
    await deposit(target, cents)
    return left
