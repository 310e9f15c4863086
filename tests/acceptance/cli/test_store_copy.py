"""`pavane store copy`: what was begun on SQLite ends on PostgreSQL, whatever was in whose hands."""

import json
import signal
import time
from pathlib import Path

import asyncpg
import httpx2
import pytest

from pavane.core.model.status import ENDED
from tests.acceptance.cli.processes import background, done, pavane, refused
from tests.postgres import apart, ask

STALL = """
import asyncio, pathlib
from pavane import Fail, Service, sleep, workflow

till, cart = Service("till"), Service("cart")

def note(what, name):
    with open("effects.txt", "a") as file:
        file.write(f"{what} {name}\\n")

@till.task
async def give_back(name: str) -> None:
    note("give_back", name)

@till.task(undo=give_back)
async def take(name: str) -> str:
    note("take", name)
    return name

@cart.task(timeout="2m")
async def carry(name: str) -> str:
    while pathlib.Path("hold").exists():
        await asyncio.sleep(0.02)
    if name.endswith("0"):
        raise Fail("no road")
    note("carry", name)
    return name

@cart.task
async def greet(name: str) -> str:
    note("greet", name)
    return "hello " + name

@workflow
async def sell(name: str) -> str:
    taken = await take(name)
    carried = await carry(taken)
    return await greet(carried)

@workflow
async def nap(name: str) -> str:
    await sleep("4s")
    return await greet(name)
"""
NAMES = [f"o{n}" for n in range(10)]


def begin(url: str, name: str, workflow: str = "sell") -> str:
    """Start it, with its name for a key; its id."""
    asked = {"key": name, "input": {"name": name}}
    answer = httpx2.post(f"{url}/v1/workflows/{workflow}/executions", json=asked)
    assert answer.is_success, answer.text
    return answer.json()["id"]


def statuses(url: str, count: int) -> dict[str, str]:
    """How all of them ended, by id."""
    until = time.monotonic() + 60
    while True:
        found = httpx2.get(f"{url}/v1/executions", params={"limit": 500}).json()["executions"]
        if all(each["status"] in ENDED for each in found):
            assert len(found) == count
            return {each["id"]: each["status"] for each in found}
        assert time.monotonic() < until, found
        time.sleep(0.1)


def wait_for_effects(folder: Path, count: int) -> None:
    until, effects = time.monotonic() + 60, folder / "effects.txt"
    while not effects.exists() or len(effects.read_text().split("\n")) <= count:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)  # the next ones are being carried


def test_what_runs_goes_on_where_it_was_copied(tmp_path: Path, postgres_schema: str):
    """The node is killed with tasks in the hands of a worker, which reports to the new one."""
    (tmp_path / "stall.py").write_text(STALL)
    (tmp_path / "hold").touch()
    old, new = "sqlite:///old.db", postgres_schema
    with background(tmp_path, "server", "--port", "0", "--store", old) as server:
        url, port = server.url, server.url.rpartition(":")[2]
        with background(tmp_path, "run", "stall.py", "--server", url) as worker:
            worker.wait_for("Ctrl-C stops")
            wanted = {begin(url, name): "COMPLETED" for name in NAMES}
            wanted[next(iter(wanted))] = "COMPENSATED"
            wanted[begin(url, "napping", "nap")] = "COMPLETED"
            wait_for_effects(tmp_path, len(NAMES))
            said = refused(tmp_path, 1, "store", "copy", old, new)
            assert "in use by another server" in said and "while nobody does" in said
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            copied = json.loads(done(tmp_path, "store", "copy", old, new, "--json"))
            assert copied["kind"] == "store" and copied["tables"]["execution"]["rows"] == 11
            assert copied["tables"]["ready"]["rows"] == 11, "in the worker's hands, and a timer"
            assert "is not empty" in refused(tmp_path, 1, "store", "copy", old, new)
            with background(tmp_path, "server", "--port", port, "--store", new) as again:
                again.wait_for("answers at")
                assert wanted.keys() >= {begin(url, NAMES[1])}, "its key starts it once, there too"
                (tmp_path / "hold").unlink()
                wanted[begin(url, "later")] = "COMPLETED"
                assert statuses(url, 12) == wanted
                assert "in use: used by" in refused(tmp_path, 1, "store", "copy", new, old)
                assert again.stop() == 0
    found = (tmp_path / "effects.txt").read_text().strip().split("\n")
    tasks = ("take", "carry", "greet")
    assert sorted(found) == sorted(
        [f"{task} {name}" for name in (*NAMES[1:], "later") for task in tasks]
        + ["take o0", "give_back o0", "greet napping"]
    )
    assert "the same as it was in" in done(tmp_path, "store", "copy", new, "sqlite:///back.db")
    listed = json.loads(done(tmp_path, "list", "--store", "sqlite:///back.db", "--json"))
    assert {each["id"]: each["status"] for each in listed["executions"]} == wanted


def test_what_a_node_had_in_its_own_hands_goes_back(tmp_path: Path, postgres_schema: str):
    """Engine and services were one process, which took its leases with it; so are they there."""
    (tmp_path / "stall.py").write_text(STALL)
    (tmp_path / "hold").touch()
    one = ("run", "stall.py", "--port", "0", "--store")
    with background(tmp_path, *one, "sqlite:///old.db") as it:
        ids = [begin(it.url, name) for name in NAMES[1:]]
        wait_for_effects(tmp_path, len(ids))
        it.process.send_signal(signal.SIGKILL)
        it.process.wait()
    done(tmp_path, "store", "copy", "sqlite:///old.db", postgres_schema)
    held = apart(ask(postgres_schema, "SELECT worker FROM ready WHERE worker <> ''"))
    assert len(held) == len(ids), "each was being carried"
    (tmp_path / "hold").unlink()
    with background(tmp_path, *one, postgres_schema) as it:
        assert statuses(it.url, len(ids)) == dict.fromkeys(ids, "COMPLETED")
        assert it.stop() == 0
    found = (tmp_path / "effects.txt").read_text().strip().split("\n")
    tasks = ("take", "carry", "greet")
    assert sorted(found) == sorted(f"{task} {name}" for name in NAMES[1:] for task in tasks)
    assert apart(ask(postgres_schema, "SELECT name FROM member")) == []


DANCE = """
from pavane import Service, workflow

till = Service("till")

@till.task
async def take(name: str) -> str:
    return name

@workflow
async def sell(name: str) -> str:
    return await take(name)
"""


def test_a_ledger_goes_where_its_service_looks_for_it(tmp_path: Path, postgres_url: str):
    """What a dancer knows is known to the same service on PostgreSQL, and its key starts once."""
    (tmp_path / "dance.py").write_text(DANCE.replace('"till"', '"copied_till"'))
    bus = ("--bus", "embedded:bus")
    start = ("start", "sell", *bus, "--key", "k", "--wait", "--input", '{"name": "lute"}')
    with background(tmp_path, "run", "dance.py", "--style", "choreographed", *bus) as dancer:
        dancer.wait_for("Ctrl-C stops")
        assert '"lute"' in done(tmp_path, *start)
        ledger = "sqlite:///bus/copied_till.db"
        assert "in use" in refused(tmp_path, 1, "store", "copy", ledger, postgres_url)
        assert dancer.stop() == 0
    try:
        said = done(tmp_path, "store", "copy", ledger, postgres_url)
        assert "The ledger is in" in said and "schema pavane_copied_till" in said
        again = json.loads(
            done(
                tmp_path,
                *("store", "copy", postgres_url, "sqlite:///back.db", "--json"),
                "--service",
                "copied_till",
            )
        )
        assert again["kind"] == "ledger" and again["tables"]["state"]["rows"] > 0
    finally:
        apart(_drop(postgres_url, "pavane_copied_till"))


async def _drop(url: str, schema: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    await connection.close()


@pytest.mark.parametrize(
    ("places", "code", "said"),
    [
        (("memory:", "sqlite:///a.db"), 2, "ends with its process"),
        (("sqlite:///no.db", "sqlite:///a.db"), 1, "no store and no ledger"),
        (("mysql://x", "sqlite:///a.db"), 2, "is no store"),
    ],
)
def test_what_cannot_be_copied_is_said(
    tmp_path: Path, places: tuple[str, str], code: int, said: str
):
    assert said in refused(tmp_path, code, "store", "copy", *places)
    assert not [*tmp_path.glob("a.db*")]


def test_a_store_is_not_copied_to_itself(tmp_path: Path):
    given = json.dumps({"name": "x"})
    (tmp_path / "dance.py").write_text(DANCE)
    assert pavane(tmp_path, "start", "sell", "--input", given).returncode == 1  # makes the store
    store = "sqlite:///pavane.db"
    assert "to itself" in refused(tmp_path, 2, "store", "copy", store, "sqlite:///./pavane.db")
