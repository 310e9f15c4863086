"""The shop of the campaign: as the example's, but with effects that somebody outside counts."""

import asyncio
import random
import time
from dataclasses import dataclass
from decimal import Decimal

from pavane import Fail, Service, TaskContext, gather, workflow
from tests.acceptance.campaign.world import World

WORLD = World()

inventory, payment = Service("inventory"), Service("payment")
shipping, notifications = Service("shipping"), Service("notifications")

# What is special about an order, how many in a hundred are so, and how such an order ends.
KINDS = {
    "sold out": (6, "FAILED"),
    "declined": (8, "COMPENSATED"),
    "carrier fails twice": (12, "COMPLETED"),
    "parcel booked, answer lost": (6, "COMPLETED"),
    "no carrier": (8, "COMPENSATED"),
    "no carrier, refund fails once": (8, "COMPENSATED"),
    "invoice refused": (8, "COMPENSATED"),
    "plain": (44, "COMPLETED"),
}


@dataclass(frozen=True)
class Order:
    id: str
    kind: str
    pace_ms: int  # how long each service takes for it


@dataclass(frozen=True)
class Reservation:
    id: str
    total: Decimal


@dataclass(frozen=True)
class Payment:
    id: str
    status: str


@dataclass(frozen=True)
class Parcel:
    id: str


@dataclass(frozen=True)
class Invoice:
    number: str


@dataclass(frozen=True)
class Receipt:
    parcel: str
    invoice: str


def orders(count: int, seed: int) -> list[Order]:
    """That many orders, the same for the same seed."""
    chance = random.Random(seed)
    kinds = [kind for kind, (share, _) in KINDS.items() for _ in range(count * share // 100)]
    kinds += ["plain"] * (count - len(kinds))
    chance.shuffle(kinds)
    return [Order(f"{n:04}", kind, chance.randint(1, 25)) for n, kind in enumerate(kinds)]


async def _begin(ctx: TaskContext, order: Order) -> None:
    WORLD.attempt(ctx, order.id)
    await asyncio.sleep(order.pace_ms / 1000)


@inventory.task
async def release_stock(ctx: TaskContext, order: Order, reserved: Reservation) -> None:
    await _begin(ctx, order)
    WORLD.reverse(ctx, order.id, "stock")


@inventory.task(undo=release_stock)
async def reserve_stock(ctx: TaskContext, order: Order) -> Reservation:
    await _begin(ctx, order)
    if order.kind == "sold out":
        raise Fail("sold out")
    WORLD.do(ctx, order.id, "stock")
    return Reservation(id=f"R-{order.id}", total=Decimal("19.90"))


@payment.task
async def refund(ctx: TaskContext, order: Order, amount: Decimal, paid: Payment) -> None:
    await _begin(ctx, order)
    if order.kind == "no carrier, refund fails once" and ctx.attempt == 1:
        raise ConnectionError("the bank closed the connection")
    WORLD.reverse(ctx, order.id, "money")


@payment.task(undo=refund)
async def charge_card(ctx: TaskContext, order: Order, amount: Decimal) -> Payment:
    await _begin(ctx, order)
    if order.kind == "declined":
        return Payment(id="", status="declined")
    WORLD.do(ctx, order.id, "money")
    return Payment(id=f"P-{order.id}", status="paid")


# An undo may come where nobody knows what the step did: its process died. Then there is no result.


@shipping.task
async def recall_parcel(ctx: TaskContext, order: Order, parcel: Parcel | None = None) -> None:
    await _begin(ctx, order)
    WORLD.reverse(ctx, order.id, "parcel")


@shipping.task(undo=recall_parcel, retries=5, retry_delay="100ms")
async def ship(ctx: TaskContext, order: Order) -> Parcel:
    await _begin(ctx, order)
    if order.kind.startswith("no carrier"):
        raise Fail("no carrier goes there")
    if order.kind == "carrier fails twice" and ctx.attempt < 3:
        raise ConnectionError("the carrier does not answer")
    WORLD.do(ctx, order.id, "parcel")
    if order.kind == "parcel booked, answer lost" and ctx.attempt == 1:
        raise ConnectionError("the carrier's answer was lost")
    return Parcel(id=f"S-{order.id}")


@notifications.task
def void_invoice(
    ctx: TaskContext, order: Order, paid: Payment, invoice: Invoice | None = None
) -> None:
    WORLD.attempt(ctx, order.id)
    WORLD.reverse(ctx, order.id, "invoice")


@notifications.task(undo=void_invoice)
def send_invoice(ctx: TaskContext, order: Order, paid: Payment) -> Invoice:
    WORLD.attempt(ctx, order.id)
    time.sleep(order.pace_ms / 2000)
    if order.kind == "invoice refused":
        raise Fail("no such address")
    WORLD.do(ctx, order.id, "invoice")
    time.sleep(order.pace_ms / 1000)
    return Invoice(number=f"I-{order.id}")


@workflow
async def fulfil(order: Order) -> Receipt:
    """Reserve, charge, then ship and invoice side by side."""
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "declined":
        raise Fail("card declined")
    parcel, invoice = await gather(ship(order), send_invoice(order, paid))
    return Receipt(parcel=parcel.id, invoice=invoice.number)


SERVICES = (inventory, payment, shipping, notifications)
