"""The same service by each driver that a function may ask for: two tasks that write and undo."""

from typing import Final

_ASYNC: Final = """
@till.task
async def refund(db: {kind}, name: str, paid: str) -> None:
    assert paid == "paid " + name
    {delete}


@till.task(undo=refund, retries=5)
async def charge(db: {kind}, name: str) -> str:
    {insert}
    die_once("inside", name)
    return "paid " + name
"""
_SYNC: Final = _ASYNC.replace("async def", "def")
_MAPPED: Final = """
from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase): ...


class Paid(Base):
    __tablename__ = "paid"
    name: Mapped[str] = mapped_column(primary_key=True)
"""


def _app(imports: str, functions: str, kind: str, insert: str, delete: str) -> dict[str, str]:
    told = functions.format(kind=kind, insert=insert, delete=delete)
    return {"imports": imports, "functions": told}


DRIVERS: Final[dict[str, dict[str, str]]] = {
    "asyncpg": _app(
        "import asyncpg",
        _ASYNC,
        "asyncpg.Connection",
        'await db.execute("INSERT INTO paid VALUES ($1)", name)',
        'await db.execute("DELETE FROM paid WHERE name = $1", name)',
    ),
    "psycopg in threads": _app(
        "import psycopg",
        _SYNC,
        "psycopg.Connection",
        'db.execute("INSERT INTO paid VALUES (%s)", (name,))',
        'db.execute("DELETE FROM paid WHERE name = %s", (name,))',
    ),
    "session": _app(
        _MAPPED,
        _ASYNC,
        "AsyncSession",
        "db.add(Paid(name=name)); await db.commit()",
        "await db.delete(await db.get(Paid, name))",
    ),
}
"""Imports and functions for the application in `test_once_postgres`, by the driver's name."""
