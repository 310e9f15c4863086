"""A rolling deployment of services without a conductor: real processes, killed and replaced."""

import json
import signal
import time
from pathlib import Path

from tests.acceptance.cli.processes import LIMIT_S, background, done, pavane

BUS = ["--bus", "embedded:bus"]
APP = """
import asyncio
from pathlib import Path
from pavane import Service, workflow

stock, carrier = Service("stock"), Service("carrier")


def done(what: str) -> None:
    with Path("done.txt").open("a") as file:
        file.write(what + "\\n")


@stock.task
async def give_back(order: str) -> None:
    done(f"give back {order}")


@stock.task(undo=give_back)
async def reserve(order: str) -> None:
    done(f"reserve {order}")


@carrier.task(read_only=True)
async def hold(order: str) -> None:
    while not Path("go").exists():
        await asyncio.sleep(0.02)


@carrier.task(read_only=True)
async def pack(order: str) -> None:
    done(f"pack {order}")


@stock.task(read_only=True)
async def bill(order: str) -> None:
    done(f"bill {order}")

"""
V1 = """
@workflow(version=1)
async def buy(order: str) -> None:
    await reserve(order)
    await hold(order)
    await bill(order)
"""
V2 = """
@workflow(version=2)
async def buy(order: str) -> None:
    await reserve(order)
    await hold(order)
    await pack(order)
    await bill(order)
"""


def run(service: str) -> list[str]:
    return ["run", "app.py", "--style", "choreographed", "--service", service, *BUS]


def until_done(folder: Path, *lines: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    told = folder / "done.txt"
    while not told.exists() or set(lines) - set(told.read_text().splitlines()):
        assert time.monotonic() < deadline, told.read_text() if told.exists() else "nothing"
        time.sleep(0.05)


def start(folder: Path, order: str) -> str:
    return done(folder, "start", "buy", "--input", json.dumps({"order": order}), *BUS)


def status(folder: Path, id: str) -> tuple[str, int]:
    shown = json.loads(done(folder, "show", id, "--json", *BUS))
    return shown["status"], shown["version"]


def ended(folder: Path, id: str) -> tuple[str, int]:
    done_by = time.monotonic() + LIMIT_S
    while status(folder, id)[0] == "RUNNING":
        assert time.monotonic() < done_by, pavane(folder, "show", id, *BUS).stdout
    return status(folder, id)


def test_services_are_replaced_one_by_one_and_old_executions_end_by_the_old_version(
    tmp_path: Path,
):
    app = tmp_path / "app.py"
    app.write_text(APP + V1)
    with background(tmp_path, *run("stock")) as stock, background(tmp_path, *run("carrier")) as old:
        stock.wait_for("stock")
        one, other = start(tmp_path, "old"), start(tmp_path, "cancelled")
        until_done(tmp_path, "reserve old", "reserve cancelled")
        app.write_text(APP + V2)
        stock.stop(signal.SIGKILL)
        with background(tmp_path, *run("stock")) as newer:  # carrier has the old release yet
            newer.wait_for("stock")
            new = start(tmp_path, "new")
            until_done(tmp_path, "reserve new")
            old.stop(signal.SIGKILL)
            with background(tmp_path, *run("carrier")) as carrier:
                carrier.wait_for("carrier")
                done(tmp_path, "cancel", other, *BUS)
                assert ended(tmp_path, other) == ("COMPENSATED", 1)
                (tmp_path / "go").touch()
                assert ended(tmp_path, one) == ("COMPLETED", 1)
                assert ended(tmp_path, new) == ("COMPLETED", 2)
    said = (tmp_path / "done.txt").read_text().splitlines()
    assert {line for line in said if line.endswith("old")} == {"reserve old", "bill old"}
    assert {line for line in said if line.endswith("new")} == {
        "reserve new",
        "pack new",
        "bill new",
    }
    assert "give back cancelled" in said and "bill cancelled" not in said
