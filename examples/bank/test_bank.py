"""How to test it: on a real PostgreSQL, at POSTGRES_URL, in a schema that is dropped afterwards."""

import asyncio
import os
import secrets
from importlib import import_module
from typing import Any

import psycopg
import pytest

from pavane import Client
from pavane.bootstrap import running_engine
from pavane.errors import ExecutionFailedError

URL = os.environ.get("POSTGRES_URL", "")
KINDS = [
    "with_asyncpg",
    "with_psycopg",
    "with_psycopg_in_threads",
    "with_sqlalchemy",
    "with_sqlalchemy_in_threads",
]


async def transferred(module: Any, url: str) -> list[int | str]:
    """What becomes of three transfers, one after the other."""
    found: list[int | str] = []
    running = running_engine(
        "memory:", services=[module.bank], workflows=[module.transfer], ledger=url
    )
    async with running as engine:
        client = Client.embedded(engine)
        for target, cents in (("bob", 3000), ("eve", 2000), ("bob", 8000)):
            run = await client.start(module.transfer, "ann", target, cents)
            try:
                found.append(await run.result(timeout="30s"))
            except ExecutionFailedError as error:
                found.append(error.reason)
    return found


def balances(schema: str) -> list[tuple[str, int]]:
    """What the accounts have, by a connection of our own; then they are gone."""
    with psycopg.connect(URL) as own:
        rows = own.execute(f"SELECT name, cents FROM {schema}.account ORDER BY name".encode())
        found = [(str(name), int(cents)) for name, cents in rows]
        own.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    return found


@pytest.mark.skipif(not URL, reason="POSTGRES_URL names no server")
@pytest.mark.parametrize("kind", KINDS)
def test_money_is_moved_or_given_back(kind: str):
    async def main() -> None:
        schema = f"bank_{secrets.token_hex(4)}"
        found = await transferred(import_module(kind), f"{URL}?schema={schema}")
        assert found[0] == 7000
        assert "there is no account eve" in str(found[1])
        assert "ann has not so much" in str(found[2])
        assert balances(schema) == [("ann", 7000), ("bob", 3000)]

    asyncio.run(main())
