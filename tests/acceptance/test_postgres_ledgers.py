"""The shop danced with its ledgers in PostgreSQL: kill -9 it, start it again, every order ends."""

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pavane import Event, EventContext, Fail, Service, workflow
from pavane.bootstrap import dancing_services
from pavane.errors import ExecutionFailedError
from pavane.sdk.client import Client
from tests.acceptance.cli.processes import SHOP, Background, background, done, refused
from tests.postgres import apart, ask

ORDERS = 8
PATIENCE_S = 120.0
SERVICES = ("inventory", "payment", "shipping", "notifications")
NEEDS = """
import apsw
from pavane import Service, workflow

till = Service("till")

@till.task
def charge(db: apsw.Connection, name: str) -> str:
    return name

@workflow(style="choreographed")
async def pay(name: str) -> str:
    return await charge(name)
"""
PAID = "CREATE TABLE IF NOT EXISTS paid (name text, how text)"


class Ordered(Event, type="test.till.ordered.v1"):
    order: str


def order(n: int) -> str:
    """One in four cannot be shipped, and is undone."""
    country = "Mars" if n % 4 == 0 else "CH"
    who = {"id": f"{n}", "customer": "Byrd", "item": "lute", "card": "4111", "country": country}
    return json.dumps({"order": {**who, "quantity": 2}})


def statuses(folder: Path, bus: str) -> Counter[str]:
    listed = json.loads(done(folder, "list", "--bus", bus, "--limit", "500", "--json"))
    return Counter(each["status"] for each in listed["executions"])


def dancing(folder: Path, bus: str, ledger: str) -> list[str]:
    how = ["--style", "choreographed", "--bus", bus, "--take-over-after", "2s"]
    return ["run", str(SHOP), *how, "--ledger", ledger, "--quiet"]


def test_dancers_on_postgresql_that_die_lose_nothing(postgres_url: str, tmp_path: Path):
    bus = f"embedded:{tmp_path / 'bus'}"
    schemas = [f"pavane_{name}" for name in SERVICES]
    drop = "; ".join(f"DROP SCHEMA IF EXISTS {name} CASCADE" for name in schemas)
    apart(ask(postgres_url, drop))
    with ExitStack() as stack:
        stack.callback(lambda: apart(ask(postgres_url, drop)))
        command = dancing(tmp_path, bus, postgres_url)
        dancers: Background = stack.enter_context(background(tmp_path, *command))
        dancers.wait_for("Ctrl-C stops")
        for n in range(ORDERS):
            key = ("--key", f"order-{n}", "--input", order(n))
            done(tmp_path, "start", "fulfil_order", "--bus", bus, *key)
            if n == ORDERS // 2:
                dancers.process.send_signal(signal.SIGKILL)
                dancers.process.wait()
                dancers = stack.enter_context(background(tmp_path, *command))
        dancers.wait_for("Ctrl-C stops")
        ended = {"COMPLETED": ORDERS * 3 // 4, "COMPENSATED": ORDERS // 4}
        until = time.monotonic() + PATIENCE_S
        while (found := statuses(tmp_path, bus)) != ended:
            assert time.monotonic() < until, found
            time.sleep(0.2)
        assert dancers.stop() == 0
        for name in schemas:
            rows = apart(ask(f"{postgres_url}?schema={name}", "SELECT count(*) FROM execution"))
            assert rows[0][0] >= ORDERS // 2, f"{name} took no part"


@pytest.mark.anyio
async def test_handlers_and_tasks_of_dancers_write_there_once(postgres_schema: str):
    till = Service("till", schema=PAID)
    calls = Counter[str]()

    @till.on(Ordered)
    async def note(ctx: EventContext, db: AsyncSession, event: Ordered) -> None:
        calls["note"] += 1
        put = text("INSERT INTO paid VALUES (:name, 'noted')")
        await db.execute(put, {"name": event.order})
        await db.commit()  # a part of the transaction that is lent
        if ctx.attempt == 1:
            raise ConnectionError("once")

    @till.task
    async def give_back(db: asyncpg.Connection, name: str, paid: str) -> None:
        calls[paid] += 1
        await db.execute("DELETE FROM paid WHERE name = $1", name)

    @till.task(undo=give_back)
    async def charge(db: asyncpg.Connection, name: str) -> str:
        async with db.transaction():  # a savepoint in the one that is lent
            await db.execute("INSERT INTO paid VALUES ($1, 'charged')", name)
        return "paid " + name

    @till.task(retries=0)
    async def ship(name: str) -> str:
        if name == "Mars":
            raise Fail("too far")
        return name

    @workflow(style="choreographed")
    async def pay(name: str) -> str:
        paid = await charge(name)
        await ship(name)
        return paid

    dancing = dancing_services(
        "memory:", services=[till], workflows=[pay], ledger=postgres_schema, lease_s=0.0
    )
    async with dancing as company:
        client = Client.among(company.requests, company.observer, company.chance)
        for id in ("1", "2", "1"):  # one is told twice
            await company.publish(Ordered(order=id), id=id)
        good = await client.start(pay, "Byrd", key="Byrd")
        bad = await client.start(pay, "Mars", key="Mars")
        assert await good.result(timeout=60) == "paid Byrd"
        with pytest.raises(ExecutionFailedError):
            await bad.result(timeout=60)
        rows: list[tuple[str, str]] = []
        async with asyncio.timeout(60):
            while len(rows) < 3:
                await asyncio.sleep(0.05)
                found = await ask(postgres_schema, "SELECT name, how FROM paid ORDER BY 1")
                rows = [tuple(row) for row in found]
    assert rows == [("1", "noted"), ("2", "noted"), ("Byrd", "charged")]
    assert calls == {"note": 4, "paid Mars": 1}


def test_another_kind_of_connection_is_refused(postgres_url: str, tmp_path: Path):
    app = tmp_path / "till.py"
    app.write_text(NEEDS)
    how = ("--style", "choreographed", "--bus", f"embedded:{tmp_path / 'bus'}")
    for more in (how, ()):
        said = refused(tmp_path, 2, "run", str(app), *more, "--ledger", postgres_url)
        assert "asks for apsw.Connection" in said
        assert "asyncpg.Connection" in said
    app.write_text(NEEDS.replace("apsw", "asyncpg").replace("def charge", "async def charge"))
    said = refused(tmp_path, 2, "run", str(app), *how)
    assert "asks for asyncpg.Connection" in said
    assert "postgresql://" in said
