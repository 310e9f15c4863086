"""The shop danced by three processes over a folder; whichever is killed, every order ends."""

import asyncio
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.bootstrap import Company, dancing_services
from pavane.engine.views.shapes import ExecutionView

pytestmark = pytest.mark.anyio

SHOP = Path(__file__).parents[2] / "examples" / "shop"
PARTS = ("inventory,payment", "shipping", "notifications")
ORDERS = 40
EXPECTED = {"COMPLETED", "COMPENSATED", "FAILED"}

PROCESS = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
import shop
from pavane.bootstrap import dancing_services

async def main():
    services = [getattr(shop, name) for name in sys.argv[3].split(",")]
    async with dancing_services(
        "embedded:" + sys.argv[2],
        services=services,
        workflows=[shop.fulfil_order],
        watched=False,
    ) as company:
        print("dancing" if company.participants else "standing by", flush=True)
        while not company.participants:
            await asyncio.sleep(0.05)
        print("has it", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def shop() -> Any:
    """The example's orders, and the shop itself."""
    sys.path.insert(0, str(SHOP))
    try:
        return importlib.import_module("orders")
    finally:
        sys.path.remove(str(SHOP))


class Dancers:
    """Processes with some of the services each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[str]] = {}

    def begin(self, part: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PROCESS, str(SHOP), str(self.folder), part]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.running.setdefault(part, started)
        return started

    def kill(self, part: str) -> None:
        process = self.running.pop(part)
        process.kill()
        process.wait()

    def kill_all(self) -> None:
        for part in list(self.running):
            self.kill(part)


@pytest.fixture
def dancers(tmp_path: Path) -> Any:
    found = Dancers(tmp_path / "bus")
    yield found
    found.kill_all()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def start(company: Company, orders: list[Any]) -> list[str]:
    return [
        await company.requests.start(
            "fulfil_order", msgspec.json.encode({"order": order}), key=order.id
        )
        for order in orders
    ]


TASKS = {"reserve_stock", "charge_card", "ship", "send_invoice"}


async def ends(company: Company, ids: list[str]) -> Counter[str]:
    """How all of them end; every task of the shop can be undone, so all is done or nothing is."""
    await asyncio.gather(*(company.observer.wait(id, 60) for id in ids))
    for id in ids:
        async with asyncio.timeout(10):  # logs are read side by side: the end may come first
            while not is_settled(company.observer.execution(id)):
                await company.observer.changed(id)
    return Counter(company.observer.execution(id).status for id in ids)


def is_settled(view: ExecutionView) -> bool:
    done = {each.ref for each in view.steps if each.ref in TASKS and each.status == "COMPLETED"}
    return done == (TASKS if view.status == "COMPLETED" else set())


async def test_three_processes_dance_and_one_is_killed(shop: Any, dancers: Dancers):
    for part in PARTS:
        dancers.begin(part)
    client = dancing_services(
        f"embedded:{dancers.folder}", services=[], workflows=[shop_of(shop).fulfil_order]
    )
    async with client as company:
        for part in PARTS:
            assert said(dancers.running[part]) == "dancing"
        orders = shop.orders(ORDERS, seed=7)
        ids: list[str] = []
        for n, part in enumerate(("shipping", "inventory,payment", "notifications")):
            ids += await start(company, orders[n::3])
            await asyncio.sleep(0.1)
            dancers.kill(part)
            await asyncio.sleep(0.05)
            dancers.begin(part)
        found = await ends(company, ids)
        assert sum(found.values()) == ORDERS
        assert set(found) <= EXPECTED
        assert found["COMPLETED"] > ORDERS // 2
        assert found["COMPENSATED"] > 0
    # Each service has its ledger there, and processes take up the logs that the dead have left.
    names = {each.removesuffix(".db") for each in files(dancers.folder) if each.endswith(".db")}
    clients = {each for each in names if each.startswith("_client-")}
    assert names - clients == {"inventory", "notifications", "payment", "shipping"}
    assert len(clients) <= len(PARTS) + 1


async def test_who_stands_by_takes_over(shop: Any, dancers: Dancers):
    for part in PARTS:
        dancers.begin(part)
    client = dancing_services(
        f"embedded:{dancers.folder}", services=[], workflows=[shop_of(shop).fulfil_order]
    )
    async with client as company:
        for part in PARTS:
            assert said(dancers.running[part]) == "dancing"
        standby = dancers.begin("shipping")
        assert said(standby) == "standing by"
        ids = await start(company, shop.orders(6, seed=3))
        await asyncio.sleep(0.05)
        dancers.kill("shipping")
        dancers.running["shipping"] = standby
        assert said(standby) == "has it"
        assert sum((await ends(company, ids)).values()) == 6


async def test_one_process_dances_alone_and_goes_on_where_it_was(shop: Any, tmp_path: Path):
    module = shop_of(shop)
    everybody = [module.inventory, module.payment, module.shipping, module.notifications]
    orders = shop.orders(8, seed=5)
    ids: list[str] = []
    for half in (orders[:4], orders[4:]):
        async with dancing_services(
            f"embedded:{tmp_path}", services=everybody, workflows=[module.fulfil_order]
        ) as company:
            ids += await start(company, half)
            assert sum((await ends(company, ids)).values()) == len(ids)


def shop_of(orders: Any) -> Any:
    """The module of the shop, as the orders know it."""
    return importlib.import_module(orders.Order.__module__)


def files(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]
