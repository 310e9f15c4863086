"""Tests on PostgreSQL: a schema for each, on the server that they share, and gone after it."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import asyncpg
import pytest

from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.store import PostgresStore

_FULL = """
    CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_up BEFORE INSERT OR UPDATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION full_up()
"""


@pytest.fixture
def postgres_schema(postgres_url: str) -> Iterator[str]:
    """The URL of a schema of the test's own, which is dropped after it."""
    name = f"test_{secrets.token_hex(6)}"
    yield f"{postgres_url}?schema={name}"
    apart(ask(postgres_url, f'DROP SCHEMA IF EXISTS "{name}" CASCADE'))


async def ask(url: str, sql: str, *values: object) -> list[Any]:
    """What a statement gives, on a connection of its own in the URL's schema."""
    place = place_of(url)
    connection = await asyncpg.connect(place.dsn, timeout=10)
    try:
        await connection.execute(f'SET search_path = "{place.schema}"')
        if values:
            return await connection.fetch(sql, *values)
        if sql.lstrip().startswith(("SELECT", "EXPLAIN")):
            return await connection.fetch(sql)
        await connection.execute(sql)
        return []
    finally:
        await connection.close()


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it where no event loop is in the way."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


AnyKept = TypeVar("AnyKept", PostgresStore, PostgresLedger)


async def died(store: AnyKept) -> AnyKept:
    """What a new process finds once the server has noticed that this one died."""
    pids = store.pids()
    new = store.crash()
    await gone(store.url, pids)
    return new


async def gone(url: str, pids: Sequence[int]) -> None:
    """Wait until these processes of the server have ended."""
    async with asyncio.timeout(30):
        here = "SELECT 1 FROM pg_stat_activity WHERE pid = ANY($1)"
        while await ask(url, here, list(pids)):  # noqa: ASYNC110 - the server tells of no event
            await asyncio.sleep(0.01)


async def fill(url: str, table: str = "writer") -> None:
    """From now on there is no room for another commit: the server itself says so."""
    await ask(url, _FULL.format(table=table))


async def make_room(url: str, table: str = "writer") -> None:
    """There is room again."""
    await ask(url, f"DROP TRIGGER full_up ON {table}; DROP FUNCTION full_up()")
