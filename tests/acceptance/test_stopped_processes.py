"""A process that is stopped, not dead, loses its service to one that stands by, and is fenced."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pavane.bootstrap import Company, dancing_services
from tests.acceptance.stopped import till

pytestmark = pytest.mark.anyio

ORDERS = 24
PATIENCE_S = 20.0


class Process:
    """One that dances, and says when it is the active one."""

    def __init__(self, folder: Path, service: str, name: str) -> None:
        self.errors = folder / f"{name}.err"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.acceptance.stopped.till", service],
                env=os.environ | {"TILL_FOLDER": str(folder)},
                cwd=Path(__file__).parents[2],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    async def says(self, within_s: float = PATIENCE_S) -> str:
        """Its next line; TimeoutError. A line that comes later is the answer of the next call."""
        if not hasattr(self, "_reading") or self._reading.done():
            assert self.process.stdout is not None
            self._reading = asyncio.get_running_loop().run_in_executor(
                None, self.process.stdout.readline
            )
        async with asyncio.timeout(within_s):
            return (await asyncio.shield(self._reading)).strip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


async def start(company: Company, orders: range) -> list[str]:
    """Start them a few milliseconds apart, so that the till always has some in hand."""
    ids: list[str] = []
    for n in orders:
        input = f'{{"order":"{n}"}}'.encode()
        ids.append(await company.requests.start("sell", input, key=f"order-{n}"))
        await asyncio.sleep(0.01)
    return ids


async def taken_over(first: Process, second: Process) -> int:
    """Stop the first until the second is active; how often it had to be stopped.

    Stopped in the middle of a transaction it keeps SQLite's own lock: then it must go on first.
    """
    for count in range(1, 10):
        first.stop()
        try:
            assert await second.says(3 * till.LEASE_S + 1) == "active"
        except TimeoutError:
            first.go_on()
            await asyncio.sleep(0.013)
        else:
            return count
    pytest.fail("nobody took over from a process that was stopped nine times")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_who_is_stopped_loses_its_service_and_doubles_nothing(seed: int, tmp_path: Path):
    chance = random.Random(seed)
    first, stock = Process(tmp_path, "till", "first"), Process(tmp_path, "stock", "stock")
    processes = [first, stock]
    try:
        assert await first.says() == "active"
        assert await stock.says() == "active"
        second = Process(tmp_path, "till", "second")
        processes.append(second)
        assert await second.says() == "standing by"
        client = dancing_services(f"embedded:{tmp_path}/bus", services=[], workflows=[till.sell])
        async with client as company:
            ids = await start(company, range(ORDERS))
            await asyncio.sleep(chance.uniform(0.0, 0.15))
            await taken_over(first, second)
            ids += await start(company, range(ORDERS, 2 * ORDERS))
            await ended(company, ids)
            first.go_on()
            assert await first.says() == "standing by"
            assert "taken over" in first.errors.read_text()
            ids += await start(company, range(2 * ORDERS, 3 * ORDERS))
            await asyncio.sleep(chance.uniform(0.0, 0.15))
            second.kill()  # the dead are succeeded at once, and by who was put out before
            assert await first.says(till.LEASE_S + 2) == "active"
            await ended(company, ids)
        nothing_doubled(tmp_path, ids)
    finally:
        for each in processes:
            each.kill()


async def ended(company: Company, ids: list[str]) -> None:
    """All of them, as they should."""
    found = await asyncio.gather(*(company.observer.wait(id, 60) for id in ids))
    assert Counter(each.status for each in found) == {"COMPLETED": len(ids)}


def nothing_doubled(folder: Path, ids: list[str]) -> None:
    """Each effect once; each message once in the logs, whoever wrote them."""
    effects = Counter((folder / "effects.txt").read_text().split())
    assert set(effects.values()) == {1}
    assert len(effects) == 3 * len(ids)
    assert not (folder / "undone.txt").exists()
    calls = [each.split() for each in (folder / "calls.txt").read_text().splitlines()]
    called = {key for _, key, _ in calls}
    assert called == effects.keys()
    by_place = Counter((pid, key, attempt) for pid, key, attempt in calls)
    assert set(by_place.values()) == {1}, "one process made an attempt twice"
    for name in ("till", "stock"):
        connection = sqlite3.connect(f"file:{folder}/bus/{name}.db?mode=ro", uri=True)
        twice = connection.execute(
            "SELECT id, type FROM log GROUP BY id HAVING count(*) > 1"
        ).fetchall()
        connection.close()
        assert twice == []
