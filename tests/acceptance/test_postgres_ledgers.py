"""The shop danced with its ledgers in PostgreSQL: kill -9 it, start it again, every order ends."""

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

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


def test_functions_that_ask_for_their_database_are_refused(postgres_url: str, tmp_path: Path):
    app = tmp_path / "till.py"
    app.write_text(NEEDS)
    how = ("--style", "choreographed", "--bus", f"embedded:{tmp_path / 'bus'}")
    said = refused(tmp_path, 2, "run", str(app), *how, "--ledger", postgres_url)
    assert "till" in said
    assert "sqlite:///" in said
    said = refused(tmp_path, 2, "run", str(app), "--ledger", postgres_url)
    assert "sqlite:///" in said
