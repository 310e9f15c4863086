"""The other side of an alternation: DBOS on SQLite as it comes, the same order in three steps.

python -m bench.peer [WORKFLOWS] [IN_FLIGHT] [threads|async]
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from bench import order
from bench.load import Watch

# By name, so that those who check types need not install the peer.
DBOS: Any = importlib.import_module("dbos").DBOS
WARM_UP = 100
STEP: dict[str, Any] = {"retries_allowed": True, "max_attempts": 3}


@DBOS.step(**STEP)
def reserve_stock(order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"R-{order['id']}", "total": 12 * order["quantity"]}


@DBOS.step(**STEP)
def charge_card(order: dict[str, Any], total: int) -> dict[str, Any]:
    return {"id": f"P-{order['id']}-{total}"}


@DBOS.step(**STEP)
def ship(order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"S-{order['id']}"}


@DBOS.workflow()
def fulfil_order(order: dict[str, Any]) -> dict[str, Any]:
    reserved = reserve_stock(order)
    paid = charge_card(order, reserved["total"])
    parcel = ship(order)
    return {"parcel": parcel["id"], "payment": paid["id"]}


@DBOS.step(**STEP)
async def reserve_stock_async(order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"R-{order['id']}", "total": 12 * order["quantity"]}


@DBOS.step(**STEP)
async def charge_card_async(order: dict[str, Any], total: int) -> dict[str, Any]:
    return {"id": f"P-{order['id']}-{total}"}


@DBOS.step(**STEP)
async def ship_async(order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"S-{order['id']}"}


@DBOS.workflow()
async def fulfil_order_async(order: dict[str, Any]) -> dict[str, Any]:
    reserved = await reserve_stock_async(order)
    paid = await charge_card_async(order, reserved["total"])
    parcel = await ship_async(order)
    return {"parcel": parcel["id"], "payment": paid["id"]}


def one(number: int) -> None:
    handle = DBOS.start_workflow(fulfil_order, asdict(order.order(number)))
    check(number, handle.get_result())


def check(number: int, result: dict[str, Any]) -> None:
    if order.Receipt(**result) != order.receipt(number):
        raise AssertionError(f"order {number} came back as {result}")


def in_threads(numbers: range, in_flight: int) -> None:
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(one, numbers))


def on_a_loop(numbers: range, in_flight: int) -> None:
    left = iter(numbers)

    async def client() -> None:
        for number in left:
            given = asdict(order.order(number))
            handle = await DBOS.start_workflow_async(fulfil_order_async, given)
            check(number, await handle.get_result())

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(in_flight)))

    asyncio.run(clients())


def main() -> None:
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    run = on_a_loop if sys.argv[3:] == ["async"] else in_threads
    with tempfile.TemporaryDirectory() as folder:
        DBOS(
            config={
                "name": "bench",
                "system_database_url": f"sqlite:///{folder}/peer.db",
                "log_level": "ERROR",
            }
        )
        DBOS.launch()
        warm_up = min(WARM_UP, workflows)
        run(range(warm_up), in_flight)
        watch = Watch()
        run(range(warm_up, warm_up + workflows), in_flight)
        rates = watch.rates(workflows)
        DBOS.destroy()
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
