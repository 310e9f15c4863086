"""A small shop for client and worker tests: one service, one workflow, failures on request."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from pavane.errors import Fail
from pavane.sdk.service import Service
from pavane.sdk.workflow import sleep, workflow


class Order(msgspec.Struct):
    """`fails`: "", "for good", "always" (every attempt), or for how many attempts."""

    id: str
    total: Decimal
    fails: str = ""
    wait_s: int = 0


class Reservation(msgspec.Struct):
    id: str


class Receipt(msgspec.Struct):
    reservation: str
    charged: Decimal


stock = Service("stock")
attempts: list[str] = []
undone: list[str] = []


@stock.task
async def release(order: Order, reserved: Reservation) -> None:
    undone.append(f"{order.id} {reserved.id}")


@stock.task(undo=release)
async def reserve(order: Order) -> Reservation:
    return Reservation(f"R-{order.id}")


@stock.task
def charge(order: Order) -> Decimal:
    attempts.append(order.id)
    times = int(order.fails) if order.fails.isdigit() else 0
    if order.fails == "for good":
        raise Fail("card declined")
    if order.fails == "always" or attempts.count(order.id) <= times:
        raise ValueError("no line")
    return order.total


@workflow
async def buy(order: Order) -> Receipt:
    reserved = await reserve(order)
    charged = await charge(order)
    if order.wait_s > 0:
        await sleep("1h")
    return Receipt(reservation=reserved.id, charged=charged)


@workflow
async def price(order: Order, factor: int = 2) -> int:
    """A result that is no object, a default, and no service needed."""
    return factor * 21
