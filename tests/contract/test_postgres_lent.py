"""What is particular to transactions that functions are lent by a ledger in PostgreSQL."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pavane.adapters.postgres import results as lending
from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.postgres.lent.kinds import KINDS
from pavane.adapters.postgres.shared import SharedResults
from pavane.errors import LeaseLostError, StoreError, UsageError
from pavane.ports.results import HasResults, Result
from pavane.testing.contracts.ledger.harness import opened
from tests.contract.wire import Cut, Wire
from tests.postgres import ask, gone

pytestmark = pytest.mark.anyio

ASYNCPG = "asyncpg.Connection"
SCHEMA = "CREATE TABLE IF NOT EXISTS effect (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)"
PUT = "INSERT INTO effect VALUES ($1)"


def told(key: str) -> Result:
    return Result(key, b'{"paid":160}', 1000)


async def done(ledger: HasResults, key: str, sql: str = PUT, *values: Any) -> None:
    async with ledger.results.transaction([key], asked=ASYNCPG) as transaction:
        await transaction.connection.execute(sql, *(values or ([key] if sql == PUT else [])))
        await transaction.commit([told(key)])


async def stands(url: str) -> tuple[list[str], list[str]]:
    """Effects and keys, by a connection that shares nothing with the ledger."""
    effects = await ask(url, "SELECT name FROM effect ORDER BY name")
    keys = await ask(url, "SELECT key FROM pavane_result ORDER BY key")
    return [row[0] for row in effects], [row[0] for row in keys]


async def test_functions_for_other_steps_do_not_wait(postgres_schema: str):
    async with opened(SharedResults(postgres_schema)) as ledger:
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction(["a"], asked=ASYNCPG) as transaction:
            await transaction.connection.execute(PUT, "a")
            await asyncio.wait_for(done(ledger, "b"), 5)
            await ledger.results.record([told("c")])
            await transaction.commit([told("a")])
    assert await stands(postgres_schema) == (["a", "b"], ["a", "b", "c"])


async def test_who_waits_too_long_for_another_process_is_told(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lending, "_WAIT_MS", 100)
    async with (
        opened(SharedResults(postgres_schema)) as one,
        opened(SharedResults(postgres_schema)) as other,
    ):
        await one.results.create(SCHEMA)
        async with one.results.transaction(["a"], asked=ASYNCPG) as transaction:
            with pytest.raises(StoreError, match="at work on the same step") as refusal:
                await done(other, "a")
            assert refusal.value.remedy
            with pytest.raises(StoreError, match="at work on the same step"):
                await other.results.record([told("a")])
            await transaction.commit([told("a")])
        async with other.results.transaction(["a"], asked=ASYNCPG) as transaction:
            assert list(transaction.found) == ["a"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_of_a_commit_whose_answer_is_lost_the_record_tells(postgres_schema: str, cut: Cut):
    async with Wire(postgres_schema) as wire, opened(SharedResults(wire.url)) as ledger:
        await ledger.results.create(SCHEMA)
        await done(ledger, "a")
        wire.cut = cut
        with pytest.raises(StoreError, match="cannot be reached"):
            await done(ledger, "b")
        assert wire.cuts == 1
        found = await ledger.results.find(["a", "b"])
        assert list(found) == (["a", "b"] if cut == "after" else ["a"])
        await done(ledger, "c")
    effects, keys = await stands(postgres_schema)
    assert effects == keys == [*found, "c"]


async def test_a_process_that_was_put_out_commits_nothing(postgres_schema: str):
    """Its sessions are ended, and what a session that is left would commit is refused."""
    old = PostgresLedger(postgres_schema, lease_s=30.0)
    await old.open()
    await old.results.create(SCHEMA)
    async with old.results.transaction(["a"], asked=ASYNCPG) as transaction:
        await transaction.connection.execute(PUT, "a")
        await ask(postgres_schema, "UPDATE holder SET generation = generation + 1")
        with pytest.raises(LeaseLostError):
            await transaction.commit([told("a")])
    assert await stands(postgres_schema) == ([], [])
    async with old.results.transaction(["a"], asked=ASYNCPG) as transaction:
        await transaction.connection.execute(PUT, "a")
        for pid in old._writer.pids():  # and with them the lock, once they have ended
            await ask(postgres_schema, "SELECT pg_terminate_backend($1, 5000)", pid)
        async with opened(PostgresLedger(postgres_schema)) as new:
            await asyncio.wait_for(done(new, "a"), 5)  # it does not wait for who was put out
            with pytest.raises(StoreError):
                await transaction.commit([told("a")])
            assert await stands(postgres_schema) == (["a"], ["a"])
    await old.close()


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("INSERT INTO effect VALUES ('a')", "refuses what a function wrote .*duplicate key"),
        ("SELECT 1/0", "failed and the function went on"),
        ("SET CONSTRAINTS ALL IMMEDIATE", "failed and the function went on"),
    ],
)
async def test_what_the_server_refuses_is_a_fault_of_the_function(
    postgres_schema: str, sql: str, why: str
):
    async with opened(SharedResults(postgres_schema)) as ledger:
        await ledger.results.create(SCHEMA)
        await done(ledger, "a")
        async with ledger.results.transaction(["b"], asked=ASYNCPG) as transaction:
            try:
                await transaction.connection.execute(sql)
            except asyncpg.PostgresError:  # the function takes no notice
                await asyncio.sleep(0)
            with pytest.raises(UsageError, match=f"(?s){why}") as refusal:
                await transaction.commit([told("b")])
            assert refusal.value.remedy
        await done(ledger, "c")
    assert await stands(postgres_schema) == (["a", "c"], ["a", "c"])


async def test_nothing_of_a_function_stays_in_the_session(postgres_schema: str):
    """Settings, temporary tables and locks are those of a new one for whoever has it next."""
    async with opened(SharedResults(postgres_schema)) as ledger:
        await ledger.results.create(SCHEMA)
        leaves = (
            "SET search_path = pg_catalog; CREATE TEMP TABLE mine (x int); SET lock_timeout = 7;"
            "SELECT pg_advisory_lock(7); SET default_transaction_read_only = off"
        )
        await done(ledger, "a", leaves)
        look = (
            "SELECT pg_backend_pid(), current_setting('lock_timeout'), to_regclass('mine'),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7),"
            " current_setting('default_transaction_read_only')"
        )
        async with ledger.results.transaction(read_only=True, asked=ASYNCPG) as transaction:
            pid, *found = await transaction.connection.fetchrow(look)
            assert await transaction.connection.fetch("SELECT * FROM effect") == []
            assert found == ["0", None, 0, "on"]
        await ask(postgres_schema, "SELECT pg_terminate_backend($1)", pid)
        await done(ledger, "b")  # what was lost is replaced


async def test_tables_are_found_where_the_users_own_sessions_find_them(postgres_schema: str):
    """The service's come first; the others are where they always are."""
    name = postgres_schema.partition("schema=")[2]
    async with (
        opened(SharedResults(postgres_schema)) as ledger,
        ledger.results.transaction(read_only=True, asked=ASYNCPG) as transaction,
    ):
        path = await transaction.connection.fetchval("SHOW search_path")
    assert path == f'"{name}", "$user", public'


async def test_a_transaction_takes_six_round_trips_and_the_functions_own(postgres_schema: str):
    async with Wire(postgres_schema) as wire, opened(SharedResults(wire.url)) as ledger:
        await ledger.results.create(SCHEMA)
        for key in ("a", "b"):  # the statements are prepared once
            await done(ledger, key)
        before, counted = wire.answers, ledger.counters.copy()
        await done(ledger, "c")
        assert wire.answers - before == 7
        assert ledger.counters.since(counted)["commits"] == 1


async def test_another_drivers_connection_is_refused(postgres_schema: str):
    ledger = SharedResults(postgres_schema)
    with pytest.raises(UsageError, match=r"asks for apsw\.Connection") as refusal:
        ledger.results.ensure_lends(["apsw.Connection"])
    assert "asyncpg.Connection" in refusal.value.remedy


@pytest.mark.parametrize("asked", KINDS)
async def test_each_kind_is_as_new_and_what_was_lost_is_replaced(postgres_schema: str, asked: str):
    """Behind a function that left something, and behind one whose session the server ended."""
    async with opened(SharedResults(postgres_schema)) as ledger:
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction(["a"], asked=asked) as transaction:
            await said(transaction.connection, "SET lock_timeout = 7")
            await said(transaction.connection, "INSERT INTO effect VALUES ('a')")
            await transaction.flush()
            await transaction.commit([told("a")])
        look = "SELECT pg_backend_pid(), current_setting('lock_timeout')"
        async with ledger.results.transaction(read_only=True, asked=asked) as transaction:
            pid, setting = (await said(transaction.connection, look))[0]
            assert setting == "0"
        await ask(postgres_schema, "SELECT pg_terminate_backend($1)", pid)
        await gone(postgres_schema, [pid])
        async with ledger.results.transaction(["b"], asked=asked) as transaction:
            assert (await said(transaction.connection, look))[0][0] != pid
            await said(transaction.connection, "INSERT INTO effect VALUES ('b')")
            await transaction.flush()
            await transaction.commit([told("b")])
    assert await stands(postgres_schema) == (["a", "b"], ["a", "b"])


async def said(connection: Any, sql: str) -> list[Any]:
    """The rows of a statement, whatever the connection is."""
    if isinstance(connection, asyncpg.Connection):
        return await connection.fetch(sql)
    statement = sql if type(connection).__module__.startswith("psycopg") else text(sql)
    if "Async" in type(connection).__name__:
        result = await connection.execute(statement)
        if isinstance(result, psycopg.AsyncCursor):
            return await result.fetchall() if result.description else []
    else:
        result = await asyncio.to_thread(connection.execute, statement)
        if isinstance(result, psycopg.Cursor):
            return result.fetchall() if result.description else []
    return list(result) if result.returns_rows else []


@pytest.mark.parametrize("word", ["commit", "rollback"])
@pytest.mark.parametrize(
    "asked", ["psycopg.AsyncConnection", "psycopg.Connection", "sqlalchemy.AsyncConnection"]
)
async def test_what_a_driver_offers_to_end_it_keeps_nothing(
    postgres_schema: str, asked: str, word: str
):
    """A function that ends it as it is used to, writes on and takes no notice of errors."""
    async with opened(SharedResults(postgres_schema)) as ledger:
        await ledger.results.create(SCHEMA)
        async with ledger.results.transaction(["a"], asked=asked) as transaction:
            connection = transaction.connection
            for _ in range(2):
                with suppress(psycopg.Error, SQLAlchemyError):
                    await said(connection, "INSERT INTO effect VALUES ('a')")
                with suppress(psycopg.Error, SQLAlchemyError):
                    ended = getattr(connection, word)
                    await (ended() if "Async" in asked else asyncio.to_thread(ended))
            with pytest.raises(UsageError, match="has ended the transaction"):
                await transaction.commit([told("a")])
    assert await stands(postgres_schema) == ([], [])


class Base(DeclarativeBase): ...


class Effect(Base):
    __tablename__ = "effect"
    name: Mapped[str] = mapped_column(primary_key=True)


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_what_a_session_commits_is_a_part_and_what_it_holds_back_is_flushed(
    postgres_schema: str, driver: str
):
    """So nothing is kept of it where the rest cannot be; and an error in it is the function's."""
    now = "CREATE TABLE effect (name text PRIMARY KEY)"
    async with opened(SharedResults(f"{postgres_schema}&driver={driver}")) as ledger:
        await ledger.results.create(now)
        lent = partial(ledger.results.transaction, asked="sqlalchemy.AsyncSession")
        async with lent(["a"]) as transaction:
            session: AsyncSession = transaction.connection
            session.add(Effect(name="a"))
            await session.commit()
            session.add(Effect(name="a2"))
            await session.rollback()
            session.add(Effect(name="a3"))
            await transaction.flush()
            await transaction.commit([told("a")])
        async with lent(["b"]) as transaction:
            transaction.connection.add(Effect(name="b"))
            await transaction.connection.commit()
            transaction.connection.add(Effect(name="a"))
            with pytest.raises(IntegrityError):
                await transaction.flush()
        async with lent(["c"]) as transaction:
            transaction.connection.add(Effect(name="c"))
            await transaction.connection.commit()
    assert await stands(postgres_schema) == (["a", "a3"], ["a"])
