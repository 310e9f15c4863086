"""Workflows that go on with the first step that is done."""

from __future__ import annotations

from decimal import Decimal

from pavane.errors import StepFailed
from pavane.sdk.person import person
from pavane.sdk.wait_for import wait_for
from pavane.sdk.workflow import race, sleep, until, workflow
from tests.unit.language.event_programs import OrderPaid, OrderPlaced
from tests.unit.language.people_programs import Approval
from tests.unit.language.shop import (
    Order,
    charge_card,
    find_coupon,
    note_down,
    rates,
    reserve_stock,
    score,
)


@workflow
async def first_answer(order: Order) -> str:
    points = await race(score(order), sleep("1h"))
    if points is None:
        await note_down("too late")
        return "late"
    await note_down("points", number=points * 0.5)
    return f"{points}"


@workflow
async def first_of_kinds(order: Order, code: str) -> Decimal:
    async def nothing() -> Decimal:
        await sleep("0.05s")
        return Decimal("0.25")

    coupon = await race(find_coupon(code), nothing())
    best = await race(rates(order), sleep("1h"))
    return (coupon or Decimal(1)) + (best[0] if best is not None else 0)


@workflow
async def after_a_failure(order: Order) -> str:
    try:
        paid = await race(charge_card(order, Decimal(3)), sleep("0.05s"))
        shown = paid.id if paid is not None else "nobody"
    except StepFailed:
        shown = "failed"
    return shown


@workflow
async def all_may_fail(order: Order) -> int:
    return await race(score(order), score(order))


@workflow
async def races_in_a_loop(order: Order) -> int:
    total = 0
    for line in order.lines:
        points = await race(score(order), sleep("1h"))
        if points is not None:
            total = total + points * line.qty
    return total


@workflow
async def first_of_calls(order: Order) -> str:
    first = await race(first_answer(order), sleep("1h"))
    match first:
        case None:
            return "late"
        case str():
            return first


@workflow
async def hears_or_asks(order: Order, boss: str) -> str:
    what = await race(
        wait_for(OrderPaid, where=lambda e: e.order_id == order.id),
        wait_for(OrderPlaced, where=lambda e: e.order_id == order.id),
        person("approve", to=boss, result=Approval),
        until("2030-01-31 09:00"),
    )
    shown = ""
    match what:
        case OrderPaid(currency=currency):
            shown = currency
        case OrderPlaced() if what.gift:
            await note_down(what.order_id)
        case Approval():
            shown = what.by
        case None:
            shown = "nobody"
    return shown


@workflow
async def of_one_class(order: Order) -> str:
    first = await race(reserve_stock(order), reserve_stock(order), sleep("2d"))
    if first is not None:
        return first.shelf_id
    return "none"
