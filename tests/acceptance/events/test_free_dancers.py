"""Hand-written handlers through the same door as workflows, alone and beside one."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec

from pavane.bootstrap import Company, dancing_services
from pavane.sdk.service import Service
from pavane.sdk.workflow import workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.acceptance.events.shop import OrderCreated, Shop


async def ended(company: Company, id: str) -> str:
    """The status of an execution or flow, some time later."""
    await asyncio.sleep(30)
    return company.observer.execution(id).status


def test_a_shop_without_any_workflow_is_seen_as_a_flow():
    shop = Shop()
    shop.down = 1

    async def main() -> None:
        async with dancing_services(
            "memory:", services=shop.services, clock=VirtualClock()
        ) as company:
            lute = OrderCreated(order_id="lute", total=Decimal("160"))
            organ = OrderCreated(order_id="organ", total=Decimal("16000"))
            first = await company.publish(lute, id="web-lute")
            await company.publish(organ, id="web-organ")
            assert await ended(company, first) == "COMPLETED"
            view = company.observer.execution("web-lute")
            assert view.workflow == "shop.order.created.v1"
            told = [(step.ref, step.service, step.status) for step in view.steps]
            assert ("take_payment", "payment", "COMPLETED") in told
            assert ("write", "mail", "COMPLETED") in told
            assert await ended(company, "web-organ") == "COMPLETED"

    run(main())
    assert sorted(shop.done) == [
        "mail lute ParcelSent",
        "mail organ PaymentFailed",
        "pay lute",
        "ship lute",
    ]


def test_what_came_twice_is_handled_once():
    shop = Shop()

    async def main() -> None:
        async with dancing_services(
            "memory:", services=shop.services, clock=VirtualClock()
        ) as company:
            lute = OrderCreated(order_id="lute", total=Decimal("160"))
            for _ in range(3):
                await company.publish(lute, id="web-lute")
            await asyncio.sleep(10)

    run(main())
    assert sorted(shop.done) == ["mail lute ParcelSent", "pay lute", "ship lute"]


def test_a_dead_letter_is_handled_again_by_a_persons_hand():
    shop = Shop()
    shop.no_address = {"lute"}

    async def main() -> None:
        async with dancing_services(
            "memory:", services=shop.services, clock=VirtualClock()
        ) as company:
            lute = OrderCreated(order_id="lute", total=Decimal("160"))
            await company.publish(lute, id="web-lute")
            assert await ended(company, "web-lute") == "NEEDS_ATTENTION"
            shop.no_address.clear()
            (dead,) = await company.ledgers["mail"].aside("dead")
            assert await company.reactions["mail"].redrive(dead.id) == 1
            assert await ended(company, "web-lute") == "COMPLETED"

    run(main())
    assert shop.done[-1] == "mail lute ParcelSent"


def test_a_workflow_and_handlers_live_side_by_side_in_one_service():
    shop = Shop()
    shop.down = 1
    books = Service("books")

    @shop.shipping.task(retries=2, read_only=True)
    async def weigh(order: str) -> int:
        return len(order)

    @books.task(read_only=True)
    async def book(order: str, weight: int) -> str:
        return f"{order}: {weight} kg"

    @workflow(name="weighing")
    async def weighing(order: str) -> str:
        weight = await weigh(order)
        return await book(order, weight)

    async def main() -> None:
        services = [*shop.services, books]
        async with dancing_services(
            "memory:", services=services, workflows=[weighing], clock=VirtualClock()
        ) as company:
            lute = OrderCreated(order_id="lute", total=Decimal("160"))
            await company.publish(lute, id="web-lute")
            body = msgspec.json.encode({"order": "lute"})
            execution = await company.requests.start("weighing", body, key="lute")
            assert await ended(company, execution) == "COMPLETED"
            assert await ended(company, "web-lute") == "COMPLETED"
            view = company.observer.execution(execution)
            assert msgspec.json.decode(view.output) == {"result": "lute: 4 kg"}
            assert not await company.ledgers["shipping"].aside()

    run(main())
    assert "ship lute" in shop.done


def test_slow_handlers_do_not_hold_up_the_workflows_of_their_service():
    service = Service("busy", concurrency=2)

    @service.on(OrderCreated, ordered=False)
    async def ponder(event: OrderCreated) -> None:
        await asyncio.sleep(600)

    @service.task(read_only=True)
    async def look(order: str) -> str:
        return order

    @workflow(name="looking")
    async def looking(order: str) -> str:
        return await look(order)

    async def main() -> None:
        async with dancing_services(
            "memory:", services=[service], workflows=[looking], clock=VirtualClock()
        ) as company:
            for number in range(1500):  # more than a subscription takes at once
                lute = OrderCreated(order_id=f"{number}", total=Decimal(1))
                await company.publish(lute, id=f"web-{number}")
            await asyncio.sleep(1)
            execution = await company.requests.start("looking", b'{"order": "a"}', key="a")
            assert await ended(company, execution) == "COMPLETED"

    run(main())
