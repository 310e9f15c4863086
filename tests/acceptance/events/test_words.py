"""`publish` and `wait_for` in workflows, in both styles: what they say and hear."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from pavane.errors import UsageError
from pavane.sdk.event import Event
from pavane.sdk.handling import publish
from pavane.sdk.service import Service
from pavane.sdk.wait_for import wait_for
from pavane.sdk.workflow import workflow
from pavane.testing.simulation.loop import run
from tests.acceptance.events.house import STYLES, house

both = pytest.mark.parametrize("style", STYLES)
PAID = "till.order.paid.v1"
shop = Service("shop")


class OrderPlaced(Event, type="till.order.placed.v1"):
    order_id: str
    total: Decimal


class OrderPaid(Event, type=PAID):
    order_id: str
    amount: Decimal
    currency: str = "EUR"


@shop.task(read_only=True)
async def price(order_id: str) -> Decimal:
    return Decimal(len(order_id) * 10)


@shop.task(retries="forever")
async def keep(text: str) -> str:
    return text


@workflow
async def paying(order_id: str) -> str:
    total = await price(order_id)
    await publish(OrderPlaced(order_id=order_id, total=total))
    paid = await wait_for(
        OrderPaid,
        where=lambda e: e.order_id == order_id and e.amount >= total and e.currency == "EUR",
        timeout="2d",
    )
    amount = "nothing" if paid is None else f"{paid.amount}"
    kept = await keep(f"{order_id}: {amount}")
    return kept


@both
def test_what_is_published_is_answered_by_whoever_listens(style: str):
    till = Service("till")

    @till.on(OrderPlaced)
    async def pay(event: OrderPlaced) -> OrderPaid:
        return OrderPaid(order_id=event.order_id, amount=event.total)

    assert pay.name == "pay"

    async def main() -> None:
        async with house(style, [shop, till], [paying.definition]) as here:
            lute, drums = [await here.start("paying", order_id=each) for each in ("lute", "drums")]
            assert await here.output(lute) == {"result": "lute: 40"}
            assert await here.output(drums) == {"result": "drums: 50"}

    run(main())


@both
def test_what_the_condition_refuses_passes_by(style: str):
    async def main() -> None:
        async with house(style, [shop], [paying.definition]) as here:
            lute = await here.start("paying", order_id="lute")
            await here.tell(PAID, order_id="lute", amount="39.99")
            await here.tell(PAID, order_id="lute", amount="40.00", currency="USD")
            await here.tell(PAID, order_id="harp", amount="40.00")
            assert await here.status(lute) == "RUNNING"
            await here.tell(PAID, order_id="lute", amount="40.00")
            assert await here.output(lute) == {"result": "lute: 40.00"}

    run(main())


@both
def test_when_the_time_is_over_nothing_has_come(style: str):
    async def main() -> None:
        async with house(style, [shop], [paying.definition]) as here:
            lute = await here.start("paying", order_id="lute")
            await asyncio.sleep(2 * 86_400 + 10)
            assert await here.output(lute) == {"result": "lute: nothing"}

    run(main())


def test_outside_of_a_workflow_they_say_where_they_belong():
    async def main() -> None:
        with pytest.raises(UsageError, match="outside a workflow"):
            await wait_for(OrderPaid, where=lambda e: e.order_id == "lute")
        with pytest.raises(UsageError, match="outside of any event handler"):
            await publish(OrderPaid(order_id="lute", amount=Decimal(1)))

    asyncio.run(main())
