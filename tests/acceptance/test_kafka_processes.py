"""The shop over Kafka by processes of their own; some are killed, and every order ends."""

import asyncio
import json
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pavane.bootstrap.choreographed import visiting
from tests.acceptance.cli.test_hybrid import four_processes
from tests.acceptance.test_dancing_processes import ends, shop, start

pytestmark = pytest.mark.anyio

__all__ = ["shop"]  # the fixture

SHOP = Path(__file__).parents[2] / "examples" / "shop"
PARTS = (("inventory", "payment"), ("shipping",), ("notifications",))
ORDERS = 24


class Dancers:
    """`pavane run` for some of the services each, in one folder for their ledgers."""

    def __init__(self, folder: Path, bus: str) -> None:
        self.folder = folder
        self.bus = bus
        self.running: dict[tuple[str, ...], subprocess.Popen[bytes]] = {}

    def begin(self, part: tuple[str, ...]) -> None:
        names = [word for name in part for word in ("--service", name)]
        command = [sys.executable, "-m", "pavane", "run", str(SHOP / "shop.py"), *names]
        command += ["--style", "choreographed", "--bus", self.bus, "--quiet"]
        log = (self.folder / f"{part[0]}.log").open("ab")
        self.running[part] = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()

    def kill(self, part: tuple[str, ...]) -> None:
        process = self.running.pop(part)
        process.kill()
        process.wait()

    def said(self) -> str:
        return "".join(each.read_text() for each in sorted(self.folder.glob("*.log")))


@pytest.fixture
def dancers(tmp_path: Path, kafka_url: str) -> Iterator[Dancers]:
    bus = f"{kafka_url}?partitions=3&session=1s&prefix={uuid.uuid4().hex[:12]}-"
    found = Dancers(tmp_path, bus)
    yield found
    for part in list(found.running):
        found.kill(part)


def pavane(dancers: Dancers, *words: str) -> str:
    """A command of somebody who has no service, and only the bus."""
    command = [sys.executable, "-m", "pavane", *words, "--bus", dancers.bus]
    ran = subprocess.run(
        command, cwd=dancers.folder, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stderr + dancers.said()
    return ran.stdout


async def test_processes_dance_over_kafka_one_is_killed_and_one_is_stopped(
    shop: Any, dancers: Dancers
):
    for part in PARTS:
        dancers.begin(part)
    async with visiting(dancers.bus) as company:
        async with asyncio.timeout(60):
            while "fulfil_order" not in company.requests.known:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.1)
        orders = shop.orders(ORDERS, seed=7)
        ids = await start(company, orders[::2])
        await asyncio.sleep(0.3)
        dancers.kill(PARTS[0])
        stopped = dancers.running[PARTS[1]]
        stopped.send_signal(signal.SIGSTOP)
        ids += await start(company, orders[1::2])
        await asyncio.sleep(2.5)  # longer than its session: its partitions are taken from it
        stopped.send_signal(signal.SIGCONT)
        dancers.begin(PARTS[0])
        found = await ends(company, ids)
    assert sum(found.values()) == ORDERS, dancers.said()
    assert set(found) <= {"COMPLETED", "COMPENSATED", "FAILED"}
    assert found["COMPLETED"] > ORDERS // 2
    listed = json.loads(
        await asyncio.to_thread(pavane, dancers, "list", "--json", "--limit", "100")
    )
    assert Counter(each["status"] for each in listed["executions"]) == found
    ledgers = {each.stem for each in (dancers.folder / ".pavane").glob("*.db")}
    assert ledgers == {"inventory", "payment", "shipping", "notifications"}


def test_the_hybrid_shop_in_four_processes_on_kafka(tmp_path: Path, kafka_url: str):
    bus = f"{kafka_url}?partitions=2&session=2s&prefix={uuid.uuid4().hex[:12]}-"
    four_processes(tmp_path, ("--bus", bus))
