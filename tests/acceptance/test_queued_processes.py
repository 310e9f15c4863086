"""The shop with its tasks on a bus, by processes: some are killed, each effect is there once."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pavane.engine.views.shapes import ExecutionSummary
from pavane.sdk.client import Client
from tests.acceptance.campaign import shop, world
from tests.acceptance.campaign.shop import Order
from tests.acceptance.company import judge
from tests.acceptance.company.clients import OfServer
from tests.acceptance.company.processes import free_port
from tests.acceptance.company.world import honoured

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
ORDERS = 60
NODES = ("server", "server-2")
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
    """Nodes of a server, and services that know nothing of them but the bus."""

    def __init__(self, folder: Path, bus: str, store: str = "sqlite:///s.db") -> None:
        self.folder = folder
        self.bus = bus
        self.store = store
        self.ports = {node: free_port() for node in NODES}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._lives = 0
        (folder / "app.py").write_text(APP)

    def begin(self, part: str) -> None:
        self._lives += 1
        kept = {name: v for name, v in os.environ.items() if not name.startswith("PAVANE_")}
        words = ["run", "app.py", "--tasks", "bus", "--service", part]
        if part == "shipping":
            words += ["--service", "notifications"]
        if part in NODES:
            words = ["server", "--store", self.store, "--port", str(self.ports[part])]
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

    def url(self, node: str) -> str:
        return f"http://127.0.0.1:{self.ports[node]}"

    def said(self) -> str:
        return "".join(each.read_text() for each in sorted(self.folder.glob("*.log")))


@contextmanager
def processes_on(request: pytest.FixtureRequest, bus: str, **more: str) -> Iterator[Processes]:
    """None of them runs yet; those that run at the end are killed."""
    url = "embedded:bus"
    if bus != "embedded":
        url = f"{request.getfixturevalue(bus + '_url')}?prefix={uuid.uuid4().hex[:12]}-"
        url += "&partitions=3&session=1s" if bus == "kafka" else ""
    found = Processes(request.getfixturevalue("tmp_path"), url, **more)
    try:
        yield found
    finally:
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


def nothing_is_lost(
    processes: Processes, orders: Sequence[Order], found: Sequence[ExecutionSummary]
):
    """Every order ended as it must, with its effects; nobody printed what nobody should."""
    attempts = world.attempts(processes.folder)
    judge.ended(found, orders, attempts)
    judge.effects_fit(found, honoured(world.effects(processes.folder)))
    assert "Traceback" not in processes.said()
    assert len({each.life for each in attempts}) >= len(PARTS) + 1


@pytest.mark.parametrize("bus", ["embedded", "kafka", "rabbitmq"])
async def test_the_shop_takes_its_tasks_from_a_bus(request: pytest.FixtureRequest, bus: str):
    orders = shop.orders(ORDERS, seed=5)
    with processes_on(request, bus) as processes:
        for part in ("server", *PARTS):
            processes.begin(part)
        async with Client(processes.url("server"), timeout="5s") as client:
            buyer = OfServer(client)
            starting = [asyncio.create_task(buyer.start(each)) for each in orders[: ORDERS // 2]]
            await under_way(processes.folder, "charge_card", 10)
            processes.kill("payment")
            processes.begin("payment")
            starting += [asyncio.create_task(buyer.start(each)) for each in orders[ORDERS // 2 :]]
            await under_way(processes.folder, "ship", 35)
            processes.kill("server")
            processes.begin("server")
            await asyncio.wait_for(asyncio.gather(*starting), 60)
            found = await ended(buyer)
    nothing_is_lost(processes, orders, found)


async def test_nodes_send_tasks_over_one_bus_and_one_of_them_dies(
    request: pytest.FixtureRequest, postgres_schema: str
):
    orders = shop.orders(ORDERS, seed=6)
    with processes_on(request, "rabbitmq", store=postgres_schema) as processes:
        for part in (*NODES, *PARTS):
            processes.begin(part)
        async with (
            Client(processes.url(NODES[0]), timeout="5s") as first,
            Client(processes.url(NODES[1]), timeout="5s") as second,
        ):
            buyers = OfServer(first), OfServer(second)
            half = len(orders) // 2
            starting = [
                asyncio.create_task(buyers[n % 2].start(each))
                for n, each in enumerate(orders[:half])
            ]
            await asyncio.wait_for(asyncio.gather(*starting), 60)
            await under_way(processes.folder, "charge_card", 10)
            processes.kill(NODES[0])
            processes.kill("payment")
            processes.begin("payment")
            starting = [asyncio.create_task(buyers[1].start(each)) for each in orders[half:]]
            await asyncio.wait_for(asyncio.gather(*starting), 60)
            found = await ended(buyers[1])
    nothing_is_lost(processes, orders, found)
