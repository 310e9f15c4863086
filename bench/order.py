"""The work that is measured: one order of 1 KB through three services, with undo and timeouts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from pavane.core.model.workflow import Workflow
from pavane.sdk.service import Service
from pavane.sdk.workflow import workflow

ORDER_BYTES = 1024
NAME = "fulfil_order"

inventory, payment, shipping = Service("inventory"), Service("payment"), Service("shipping")
SERVICES = (inventory, payment, shipping)


@dataclass(frozen=True)
class Order:
    id: str
    item: str
    quantity: int
    note: str


@dataclass(frozen=True)
class Reservation:
    id: str
    total: int


@dataclass(frozen=True)
class Payment:
    id: str


@dataclass(frozen=True)
class Parcel:
    id: str


@dataclass(frozen=True)
class Receipt:
    parcel: str
    payment: str


@inventory.task
async def release_stock(order: Order, reserved: Reservation) -> None: ...


@inventory.task(undo=release_stock, retries=3, timeout="10s")
async def reserve_stock(order: Order) -> Reservation:
    return Reservation(f"R-{order.id}", 12 * order.quantity)


@payment.task
async def refund(order: Order, total: int, paid: Payment) -> None: ...


@payment.task(undo=refund, retries=3, timeout="10s")
async def charge_card(order: Order, total: int) -> Payment:
    return Payment(f"P-{order.id}-{total}")


@shipping.task(retries=3, timeout="10s")
async def ship(order: Order) -> Parcel:
    return Parcel(f"S-{order.id}")


@workflow
async def fulfil_order(order: Order) -> Receipt:
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    parcel = await ship(order)
    return Receipt(parcel=parcel.id, payment=paid.id)


def definition() -> Workflow:
    """The workflow, with a deadline of its own beside those of its steps."""
    return msgspec.structs.replace(
        fulfil_order.definition, timeout_seconds=60, timeout_policy="TIME_OUT_WF"
    )


def order(number: int) -> Order:
    """An order whose JSON has ORDER_BYTES bytes."""
    bare = Order(f"{number:08}", "lute", 3, "")
    return replace(bare, note="n" * (ORDER_BYTES - len(msgspec.json.encode(bare))))


def order_input(number: int) -> bytes:
    """What an execution for this order starts with."""
    return msgspec.json.encode({"order": order(number)})


def receipt(number: int) -> Receipt:
    """What must come of it."""
    return Receipt(parcel=f"S-{number:08}", payment=f"P-{number:08}-36")
