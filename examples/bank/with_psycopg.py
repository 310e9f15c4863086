"""Accounts in PostgreSQL: tasks that write with psycopg, once for each step."""

import psycopg

from pavane import Fail, Service, workflow

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, cents bigint CHECK (cents >= 0));
INSERT INTO account VALUES ('ann', 10000), ('bob', 0) ON CONFLICT DO NOTHING;
"""
CHANGE = "UPDATE account SET cents = cents + %s WHERE name = %s RETURNING cents"

bank = Service("bank", schema=SCHEMA)


@bank.task
async def give_back(db: psycopg.AsyncConnection, account: str, cents: int) -> None:
    await db.execute(CHANGE, (cents, account))


@bank.task(undo=give_back)
async def withdraw(db: psycopg.AsyncConnection, account: str, cents: int) -> int:
    return await changed(db, account, -cents)


@bank.task
async def deposit(db: psycopg.AsyncConnection, account: str, cents: int) -> int:
    return await changed(db, account, cents)


async def changed(db: psycopg.AsyncConnection, account: str, cents: int) -> int:
    try:
        row = await (await db.execute(CHANGE, (cents, account))).fetchone()
    except psycopg.errors.CheckViolation as error:
        raise Fail(f"{account} has not so much") from error
    if row is None:
        raise Fail(f"there is no account {account}")
    return int(row[0])


@workflow
async def transfer(source: str, target: str, cents: int) -> int:
    """What is left at the source. Where the target is unknown, the money comes back."""
    left = await withdraw(source, cents)
    await deposit(target, cents)
    return left
