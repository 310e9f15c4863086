"""Services that commit with their ledger are killed at named points: each effect is there once.

The effects are counted in the service's own table, by a connection that shares nothing with it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import apsw
import pytest

APP = """
import asyncio, os, sys
from pathlib import Path

import apsw
import msgspec

import pavane.sdk.recorded as recorded
from pavane.sdk.recorded import Recorded
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.sdk.workflow import workflow

till = Service("till", schema="CREATE TABLE IF NOT EXISTS paid (name TEXT)", concurrency=8)
point, marks = sys.argv[1], Path(sys.argv[2])


def die_once(here, name):
    # At one order in three, the first time that it comes here.
    if here == point and int(name[1:]) % 3 == 1:
        mark = marks / f"{here}-{name}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)


@till.task
async def refund(db: apsw.Connection, name: str, paid: str) -> None:
    assert paid == "paid " + name
    db.execute("DELETE FROM paid WHERE name = ?", (name,))


@till.task(undo=refund, retries=5)
async def charge(db: apsw.Connection, name: str) -> str:
    db.execute("INSERT INTO paid VALUES (?)", (name,))
    await asyncio.sleep(0.001)
    die_once("inside", name)
    return "paid " + name


@till.task(retries=0)
async def ship(name: str) -> str:
    if int(name[1:]) % 4 == 3:
        raise ValueError("no carrier")
    return "shipped " + name


@workflow(style=sys.argv[3])
async def order(name: str) -> str:
    paid = await charge(name)
    shipped = await ship(name)
    return paid + ", " + shipped


class Deadly(Recorded):
    async def carry_out(self, attempt):
        ended = await super().carry_out(attempt)
        here = {"charge": "committed", "refund": "refunded"}.get(attempt.assignment.task, "")
        die_once(here, msgspec.json.decode(attempt.assignment.input)["name"])
        return ended


recorded.Recorded = Deadly


async def main():
    from pavane.bootstrap import dancing_services, running_engine
    from pavane.sdk.client import Client

    names = ["o%02d" % n for n in range(24)]
    conducted = sys.argv[3] == "orchestrated"
    if conducted:
        running = running_engine(
            "sqlite:///data/store.db",
            services=[till],
            workflows=[order],
            ledger="sqlite:///data/till.db",
        )
    else:
        running = dancing_services("embedded:data", services=[till], workflows=[order])
    async with running as it:
        client = (
            Client.embedded(it)
            if conducted
            else Client.among(it.requests, it.observer, it.chance)
        )
        runs = [await client.start(order, name, key=name) for name in names]
        for name, run in zip(names, runs):
            try:
                print(name, await run.result(timeout=60), flush=True)
            except Exception as error:
                print(name, type(error).__name__, getattr(error, "status", ""), flush=True)


asyncio.run(main())
"""


def lives(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One life of the program."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=folder, check=False
    )


@pytest.mark.parametrize("style", ["orchestrated", "choreographed"])
@pytest.mark.parametrize("point", ["inside", "committed", "refunded"])
@pytest.mark.anyio
async def test_each_effect_stands_once_whenever_the_process_is_killed(
    point: str, style: str, tmp_path: Path
):
    marks, folder = tmp_path / "marks", tmp_path / "data"
    marks.mkdir()
    folder.mkdir()
    program = tmp_path / "till.py"
    program.write_text(APP)
    command = [sys.executable, str(program), point, str(marks), style]
    deaths = 0
    while (done := await asyncio.to_thread(lives, command, tmp_path)).returncode == -9:
        deaths += 1
        assert deaths < 30
    assert done.returncode == 0, done.stderr[-3000:]
    wanted = {f"o{n:02}" for n in range(24) if n % 3 == 1 and (point != "refunded" or n % 4 == 3)}
    # Side by side, several may pass the point before the first of them is dead.
    assert 0 < deaths == len(list(marks.iterdir()))
    assert {mark.name.rpartition("-")[2] for mark in marks.iterdir()} <= wanted
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith("o"))
    assert len(told) == 24
    good = [f"o{n:02}" for n in range(24) if n % 4 != 3]
    assert [told[name] for name in good] == [f"paid {name}, shipped {name}" for name in good]
    connection = apsw.Connection(str(folder / "till.db"))
    paid = Counter(str(row[0]) for row in connection.execute("SELECT name FROM paid"))
    connection.close()
    assert paid == Counter(good)
