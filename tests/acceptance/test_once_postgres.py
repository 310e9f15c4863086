"""Workers that share a ledger in PostgreSQL are killed at named points: each effect is there once.

The effects are counted in the service's own table, by a connection that shares nothing with it.
"""

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from pavane.errors import ExecutionFailedError
from pavane.sdk.client import Client
from tests.acceptance.cli.processes import Background, background
from tests.acceptance.drivers import DRIVERS
from tests.postgres import apart, ask

PATIENCE_S = 120.0
ORDERS = 4
NAMES = [f"o{n:02}" for n in range(ORDERS)]

APP = """
import os
from pathlib import Path

import msgspec

import pavane.sdk.recorded as recorded
from pavane import Service, workflow
from pavane.sdk.recorded import Recorded

{imports}

till = Service("till", schema="CREATE TABLE IF NOT EXISTS paid (name text)", concurrency=4)
marks = Path(os.environ["MARKS"])


def die_once(here, name):
    # Each of some orders kills one process, at one point; all processes look at the same marks.
    if int(name[1:]) % 4 == {{"inside": 1, "committed": 2, "undone": 3}}[here]:
        mark = marks / f"{{here}}-{{name}}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)


{functions}


@till.task(retries=0)
async def ship(name: str) -> str:
    if int(name[1:]) % 4 == 3:
        raise ValueError("no carrier")
    return "shipped " + name


@workflow
async def order(name: str) -> str:
    paid = await charge(name)
    shipped = await ship(name)
    return paid + ", " + shipped


class Deadly(Recorded):
    async def carry_out(self, attempt):
        ended = await super().carry_out(attempt)
        here = {{"charge": "committed", "refund": "undone"}}.get(attempt.assignment.task, "")
        if here and ended[0].status == "COMPLETED":
            die_once(here, msgspec.json.decode(attempt.assignment.input)["name"])
        return ended


recorded.Recorded = Deadly
"""


async def outcomes(url: str) -> dict[str, object]:
    """What becomes of all orders."""
    async with Client(url) as client:
        runs = [await client.start("order", input={"name": name}, key=name) for name in NAMES]
        found: dict[str, object] = {}
        for name, run in zip(NAMES, runs, strict=True):
            try:
                found[name] = await run.result(timeout=PATIENCE_S)
            except ExecutionFailedError as error:
                found[name] = str(getattr(error, "status", error))
        return found


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_effect_stands_once_whichever_worker_is_killed(
    driver: str, postgres_schema: str, tmp_path: Path
):
    marks = tmp_path / "marks"
    marks.mkdir()
    app = tmp_path / "till.py"
    app.write_text(APP.format(**DRIVERS[driver]))
    work = ("--ledger", postgres_schema)
    deaths, told = 0, dict[str, object]()
    with ExitStack() as stack:
        server = stack.enter_context(
            background(tmp_path, "server", "--port", "0", "--lease", "1s", "--store", "memory:")
        )
        command = ("run", str(app), "--server", server.url, *work)

        def start() -> Background:
            return stack.enter_context(background(tmp_path, *command, MARKS=str(marks)))

        workers = [start(), start()]
        workers[0].wait_for("Ctrl-C stops")
        thread = stack.enter_context(ThreadPoolExecutor(1))
        telling = thread.submit(asyncio.run, outcomes(server.url))
        until = time.monotonic() + PATIENCE_S
        while not telling.done():
            assert time.monotonic() < until, [each.text for each in workers]
            for n, worker in enumerate(workers):
                if worker.process.poll() is not None:
                    assert worker.process.returncode == -9, worker.text
                    deaths += 1
                    workers[n] = start()
            time.sleep(0.02)
        told = telling.result()
    died = Counter(mark.name.partition("-")[0] for mark in marks.iterdir())
    assert died.keys() == {"inside", "committed", "undone"}
    assert deaths >= 3
    good = [name for n, name in enumerate(NAMES) if n % 4 != 3]
    assert {name: told[name] for name in good} == {
        name: {"result": f"paid {name}, shipped {name}"} for name in good
    }
    assert {told[name] for name in NAMES if name not in good} == {"COMPENSATED"}
    paid = apart(ask(postgres_schema, "SELECT name FROM paid"))
    assert Counter(row[0] for row in paid) == Counter(good)
