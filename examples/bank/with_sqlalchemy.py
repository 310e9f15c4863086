"""Accounts in PostgreSQL: tasks that write with a session of SQLAlchemy, once for each step."""

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pavane import Fail, Service, workflow

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, cents bigint CHECK (cents >= 0));
INSERT INTO account VALUES ('ann', 10000), ('bob', 0) ON CONFLICT DO NOTHING;
"""

bank = Service("bank", schema=SCHEMA)


class Base(DeclarativeBase): ...


class Account(Base):
    __tablename__ = "account"
    name: Mapped[str] = mapped_column(primary_key=True)
    cents: Mapped[int]


@bank.task
async def give_back(db: AsyncSession, account: str, cents: int) -> None:
    await changed(db, account, cents)


@bank.task(undo=give_back)
async def withdraw(db: AsyncSession, account: str, cents: int) -> int:
    return await changed(db, account, -cents)


@bank.task
async def deposit(db: AsyncSession, account: str, cents: int) -> int:
    return await changed(db, account, cents)


async def changed(db: AsyncSession, account: str, cents: int) -> int:
    """The session is flushed at the end; what it commits is a part of the task's transaction."""
    found = await db.get(Account, account, with_for_update=True)
    if found is None:
        raise Fail(f"there is no account {account}")
    if found.cents + cents < 0:
        raise Fail(f"{account} has not so much")
    found.cents += cents
    return found.cents


@workflow
async def transfer(source: str, target: str, cents: int) -> int:
    """What is left at the source. Where the target is unknown, the money comes back."""
    left = await withdraw(source, cents)
    await deposit(target, cents)
    return left
