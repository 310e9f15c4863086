"""The shop with its tasks on a bus, by processes: some are killed, each effect is there once."""

import asyncio
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pavane.engine.views.shapes import ExecutionSummary
from pavane.sdk.client import Client
from tests.acceptance.campaign import shop, world
from tests.acceptance.company import judge
from tests.acceptance.company.clients import OfServer
from tests.acceptance.company.world import honoured

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
ORDERS = 60
PARTS = ("inventory", "payment", "shipping")
APP = """
import os
from pathlib import Path

from tests.acceptance.campaign import shop
from tests.acceptance.company.world import SharedWorld

shop.WORLD = SharedWorld()
shop.WORLD.open(Path.cwd(), int(os.environ["SHOP_LIFE"]), lambda point: None)
inventory, payment = shop.inventory, shop.payment
shipping, notifications = shop.shipping, shop.notifications
fulfil = shop.fulfil
"""


class Processes:
    """A server, and services that know nothing of it but the bus."""

    def __init__(self, folder: Path, bus: str) -> None:
        self.folder = folder
        self.bus = bus
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._lives = 0
        (folder / "app.py").write_text(APP)

    def begin(self, part: str) -> None:
        self._lives += 1
        kept = {name: v for name, v in os.environ.items() if not name.startswith("PAVANE_")}
        words = ["run", "app.py", "--tasks", "bus", "--service", part]
        if part == "shipping":
            words += ["--service", "notifications"]
        if part == "server":
            words = ["server", "--store", "sqlite:///s.db", "--port", str(self.port)]
            words += ["--lease", "2s"]
        log = (self.folder / f"{part}.log").open("ab")
        self.running[part] = subprocess.Popen(
            [sys.executable, "-m", "pavane", *words, "--bus", self.bus],
            cwd=self.folder,
            stdout=log,
            stderr=log,
            env={**kept, "PYTHONPATH": str(ROOT), "SHOP_LIFE": str(self._lives)},
        )
        log.close()

    def kill(self, part: str) -> None:
        process = self.running.pop(part)
        process.kill()
        process.wait()

    def said(self) -> str:
        return "".join(each.read_text() for each in sorted(self.folder.glob("*.log")))


@pytest.fixture(params=["embedded", "kafka", "rabbitmq"])
def processes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Processes]:
    prefix = uuid.uuid4().hex[:12]
    if request.param == "embedded":
        bus = "embedded:bus"
    else:
        bus = f"{request.getfixturevalue(request.param + '_url')}?prefix={prefix}-"
        bus += "&partitions=3&session=1s" if request.param == "kafka" else ""
    found = Processes(tmp_path, bus)
    yield found
    for part in list(found.running):
        found.kill(part)


async def ended(buyer: OfServer) -> Sequence[ExecutionSummary]:
    """All orders, once each of them has ended."""
    async with asyncio.timeout(60):  # of real time: processes begin and are killed
        while True:
            found = await buyer.orders()
            if len(found) == ORDERS and all(each.ended_at for each in found):
                return found
            await asyncio.sleep(0.1)


async def under_way(folder: Path, step: str, times: int) -> None:
    """Until a step was begun so often."""
    async with asyncio.timeout(60):
        while sum(each.step == step for each in world.attempts(folder)) < times:  # noqa: ASYNC110  # told by files only
            await asyncio.sleep(0.02)


async def test_the_shop_takes_its_tasks_from_a_bus(processes: Processes):
    for part in ("server", *PARTS):
        processes.begin(part)
    folder, url = processes.folder, f"http://127.0.0.1:{processes.port}"
    orders = shop.orders(ORDERS, seed=5)
    async with Client(url, timeout="5s") as client:
        buyer = OfServer(client)
        starting = [asyncio.create_task(buyer.start(each)) for each in orders[: ORDERS // 2]]
        await under_way(folder, "charge_card", 10)
        processes.kill("payment")
        processes.begin("payment")
        starting += [asyncio.create_task(buyer.start(each)) for each in orders[ORDERS // 2 :]]
        await under_way(folder, "ship", 35)
        processes.kill("server")
        processes.begin("server")
        await asyncio.wait_for(asyncio.gather(*starting), 60)
        found = await ended(buyer)
    judge.ended(found, orders, world.attempts(folder))
    judge.effects_fit(found, honoured(world.effects(folder)))
    assert "Traceback" not in processes.said()
    assert len({each.life for each in world.attempts(folder)}) >= len(PARTS) + 1
