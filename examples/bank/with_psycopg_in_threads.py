"""Accounts in PostgreSQL: tasks that write with psycopg in threads, once for each step."""

import psycopg

from pavane import Fail, Service, workflow

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, cents bigint CHECK (cents >= 0));
INSERT INTO account VALUES ('ann', 10000), ('bob', 0) ON CONFLICT DO NOTHING;
"""
CHANGE = "UPDATE account SET cents = cents + %s WHERE name = %s RETURNING cents"

bank = Service("bank", schema=SCHEMA)


@bank.task
def give_back(db: psycopg.Connection, account: str, cents: int) -> None:
    db.execute(CHANGE, (cents, account))


@bank.task(undo=give_back)
def withdraw(db: psycopg.Connection, account: str, cents: int) -> int:
    return changed(db, account, -cents)


@bank.task
def deposit(db: psycopg.Connection, account: str, cents: int) -> int:
    return changed(db, account, cents)


def changed(db: psycopg.Connection, account: str, cents: int) -> int:
    try:
        row = db.execute(CHANGE, (cents, account)).fetchone()
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
