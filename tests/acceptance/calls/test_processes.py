"""Called services among processes: who makes the call, in every way that a process can be run."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.calls.stock import Stock
from tests.acceptance.cli.processes import Background, background, done, refused

APP = """
from pavane import Call, Fail, Service, scope, workflow

inventory, shipping = Service("inventory", url="{origin}"), Service("shipping")

@inventory.task(call=Call("DELETE /orders/{{order}}/reservations", done_on=[404]))
async def release(order: str) -> None: ...

@inventory.task(
    call=Call("POST /orders/{{order}}/reservations", headers={{"x-from": "{{secret.process}}"}}),
    undo=release, retry_delay="50ms", timeout="20s",
)
async def reserve(order: str, many: int) -> dict[str, object]: ...

@shipping.task
async def ship(order: str) -> str:
    if order == "bad":
        raise Fail("no carrier")
    return f"parcel {{order}}"

@workflow
async def fulfil(order: str) -> str:
    await reserve(order, 2)
    return await ship(order)
"""
HYBRID = """
@workflow
async def by_both(order: str) -> str:
    await reserve(f"{order}-first", 2)
    async with scope("delivery", style="choreographed"):
        await reserve(order, 3)
        parcel = await ship(order)
    return parcel
"""
SERVER = ("server", "--port", "0")
BUS = ("--bus", "embedded:bus")
ALLOWED = ("--allow-calls-to", "127.0.0.1")


def app(folder: Path, plain: Stock, more: str = "") -> str:
    (folder / "app.py").write_text(APP.format(origin=plain.origin) + more)
    return "app.py"


@contextmanager
def named(folder: Path, name: str, plain: Stock, *arguments: str) -> Iterator[Background]:
    """A process that its calls tell of."""
    secret = {"PAVANE_SECRET_PROCESS": name, "PAVANE_SECRET_PROCESS_HOSTS": plain.origin}
    with background(folder, *arguments, **secret) as it:
        yield it


def callers(plain: Stock) -> list[tuple[str, str, str]]:
    """Who has asked for what."""
    return [
        (headers.get("x-from", ""), method, path.split("/")[2])
        for method, path, headers, _ in plain.asked
    ]


def start(folder: Path, workflow: str, order: str, *where: str) -> str:
    given = json.dumps({"order": order})
    printed = done(folder, "start", workflow, *where, "--wait", "--input", given)
    return json.loads(printed.partition("\n")[2])["result"]


def fails(folder: Path, workflow: str, order: str, *where: str) -> None:
    given = json.dumps({"order": order})
    said = refused(folder, 1, "start", workflow, *where, "--wait", "--input", given)
    assert "it is COMPENSATED" in said and "no carrier" in said


def test_the_server_calls_for_those_who_work_for_it(plain: Stock, tmp_path: Path):
    made = app(tmp_path, plain)
    with (
        named(tmp_path, "server", plain, *SERVER, *ALLOWED) as server,
        named(tmp_path, "workers", plain, "run", made, "--server", server.url) as workers,
    ):
        workers.wait_for("Ctrl-C stops")
        ask = ("--server", server.url)
        plain.script = [503]
        assert start(tmp_path, "fulfil", "7", *ask) == "parcel 7"
        fails(tmp_path, "fulfil", "bad", *ask)
        assert workers.stop() == 0
        assert server.stop() == 0
    assert callers(plain) == [
        ("server", "POST", "7"),
        ("server", "POST", "7"),
        ("server", "POST", "bad"),
        ("", "DELETE", "bad"),
    ]


def test_a_process_with_nothing_but_a_called_service_rests(plain: Stock, tmp_path: Path):
    """It makes the definitions known, and has nothing to ask for."""
    made = app(tmp_path, plain)
    only = ("run", made, "--service")
    with (
        named(tmp_path, "server", plain, *SERVER, *ALLOWED) as server,
        named(tmp_path, "idle", plain, *only, "inventory", "--server", server.url) as idle,
        named(tmp_path, "other", plain, *only, "shipping", "--server", server.url) as other,
    ):
        idle.wait_for("Ctrl-C stops")
        other.wait_for("Ctrl-C stops")
        assert start(tmp_path, "fulfil", "7", "--server", server.url) == "parcel 7"
        before = cpu_s(idle)
        time.sleep(2)
        assert cpu_s(idle) - before < 0.5
        assert "Traceback" not in idle.text
        assert idle.stop() == 0
    assert callers(plain) == [("server", "POST", "7")]


@pytest.mark.parametrize("allowed", [True, False])
def test_in_a_choreography_the_service_itself_calls(plain: Stock, tmp_path: Path, allowed: bool):
    made = app(tmp_path, plain)
    dance = ("run", made, "--style", "choreographed", *BUS, "--service")
    leave = ALLOWED if allowed else ()
    with (
        named(tmp_path, "inventory", plain, *dance, "inventory", *leave) as one,
        named(tmp_path, "shipping", plain, *dance, "shipping") as other,
    ):
        one.wait_for("Ctrl-C stops")
        other.wait_for("Ctrl-C stops")
        if not allowed:
            given = ("start", "fulfil", *BUS, "--wait", "--input", '{"order": "7"}')
            assert "--allow-calls-to" in refused(tmp_path, 1, *given)
            assert plain.asked == []
            return
        plain.script = [503]
        assert start(tmp_path, "fulfil", "7", *BUS) == "parcel 7"
        fails(tmp_path, "fulfil", "bad", *BUS)
    assert set(callers(plain)) == {
        ("inventory", "POST", "7"),
        ("inventory", "POST", "bad"),
        ("", "DELETE", "bad"),
    }
    assert len(set(plain.headers("idempotency-key"))) == 3


def test_in_a_hybrid_whoever_has_the_step_calls(plain: Stock, tmp_path: Path):
    """The server what it conducts, the service what it dances; both on one bus."""
    made = app(tmp_path, plain, HYBRID)
    with named(tmp_path, "server", plain, *SERVER, *BUS, *ALLOWED) as server:
        ask = ("--server", server.url)
        both = ("run", made, "--style", "hybrid", *ask, *BUS, "--service")
        with (
            named(tmp_path, "inventory", plain, *both, "inventory", *ALLOWED) as one,
            named(tmp_path, "shipping", plain, *both, "shipping") as other,
        ):
            one.wait_for("Ctrl-C stops")
            other.wait_for("Ctrl-C stops")
            assert start(tmp_path, "by_both", "7", *ask) == "parcel 7"
            assert start(tmp_path, "fulfil", "8", *ask) == "parcel 8"
            fails(tmp_path, "by_both", "bad", *ask)
            assert one.stop() == 0
            assert other.stop() == 0
        assert server.stop() == 0
    asked = callers(plain)
    assert [each for each in asked if each[1] == "POST"] == [
        ("server", "POST", "7-first"),
        ("inventory", "POST", "7"),
        ("server", "POST", "8"),
        ("server", "POST", "bad-first"),
        ("inventory", "POST", "bad"),
    ]
    undone = [each[2] for each in asked if each[1] == "DELETE"]
    assert undone == ["bad", "bad-first"], "in reverse"


def test_a_server_on_a_bus_calls_what_a_client_registered(plain: Stock, tmp_path: Path):
    """With no service anywhere."""
    made = app(tmp_path, plain, ONLY_CALLS)
    with named(tmp_path, "server", plain, *SERVER, *BUS, *ALLOWED) as server:
        with background(tmp_path, "run", made, "--server", server.url) as once:
            once.wait_for("Ctrl-C stops")
            assert once.stop() == 0
        assert start(tmp_path, "only_calls", "7", "--server", server.url) == "r-7"
    assert callers(plain) == [("server", "POST", "7")]


ONLY_CALLS = """
@workflow
async def only_calls(order: str) -> str:
    held = await reserve(order, 1)
    return held["id"]
"""


def cpu_s(part: Background) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{part.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
