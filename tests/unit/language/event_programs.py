"""Workflows that publish events and wait for them: only their definitions can be looked at here."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from pavane.sdk.event import Event
from pavane.sdk.handling import publish
from pavane.sdk.wait_for import wait_for
from pavane.sdk.workflow import gather, workflow
from tests.unit.language.shop import Order, note_down, score


class OrderPlaced(Event, type="shop.order.placed.v1"):
    order_id: str
    total: Decimal
    gift: bool = False


class Customer(Event, abstract=True):
    name: str


class OrderPaid(Event, type="bank.order.paid.v1"):
    order_id: str
    amount: Decimal
    currency: str = "EUR"
    by: list[str] = msgspec.field(default_factory=list)


@workflow
async def publishes(order: Order) -> None:
    await publish(OrderPlaced(order_id=order.id, total=Decimal("1.50"), gift=order.gift))


@workflow
async def waits_for_event(order: Order) -> str:
    paid = await wait_for(OrderPaid, where=lambda event: event.order_id == order.id)
    return paid.currency


@workflow
async def waits_with_a_filter(order: Order, least: Decimal, names: list[str]) -> None:
    points = await score(order)
    paid = await wait_for(
        OrderPaid,
        where=lambda e: (
            order.id == e.order_id
            and e.amount >= least
            and e.currency == "EUR"
            and points > 3
            and any(each in names for each in e.by)
        ),
        timeout="2d",
        early="10m",
    )
    if paid is None:
        await note_down("nobody paid")
    else:
        await note_down(paid.currency)


@workflow
async def both_side_by_side(order: Order) -> None:
    async def hear() -> str:
        paid = await wait_for(OrderPaid, where=lambda e: e.order_id == order.id, timeout="1h")
        return paid.order_id if paid else "none"

    _, heard = await gather(publish(OrderPlaced(order_id=order.id, total=Decimal(1))), hear())
    await note_down(f"{heard}")
    await publish(OrderPlaced(order_id=heard, total=Decimal(2)))
