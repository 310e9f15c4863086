"""The same service by each driver that a function may ask for: two tasks that write and undo."""

from typing import Final

DRIVERS: Final[dict[str, dict[str, str]]] = {
    "asyncpg": {
        "imports": "import asyncpg",
        "functions": """
@till.task
async def refund(db: asyncpg.Connection, name: str, paid: str) -> None:
    assert paid == "paid " + name
    await db.execute("DELETE FROM paid WHERE name = $1", name)


@till.task(undo=refund, retries=5)
async def charge(db: asyncpg.Connection, name: str) -> str:
    await db.execute("INSERT INTO paid VALUES ($1)", name)
    die_once("inside", name)
    return "paid " + name
""",
    },
}
"""Imports and functions for the application in `test_once_postgres`, by the driver's name."""
