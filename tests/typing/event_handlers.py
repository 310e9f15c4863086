"""What a type checker knows of events and their handlers. Checked by pyright, never run.

An unused `pyright: ignore` is an error in this project: each one below proves a refusal.
"""

# pyright: strict

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from apsw import Connection

from pavane import Event, EventContext, Service, publish, wait_for, workflow
from pavane.sdk.handler import Handler

payment = Service("payment")


class OrderCreated(Event, type="shop.order.created.v1"):
    order_id: str
    total: Decimal = Decimal(0)


class OrderChanged(Event, type="shop.order.changed.v1", key="order_id"):
    order_id: str


class PaymentProcessed(Event, type="shop.payment.processed.v1"):
    order_id: str


class PaymentFailed(Event, type="shop.payment.failed.v1"):
    reason: str


@payment.on(OrderCreated)
async def take_payment(event: OrderCreated) -> PaymentProcessed | PaymentFailed:
    return PaymentProcessed(order_id=event.order_id)


@payment.on(OrderCreated, retries=5, timeout="10s", emits=[PaymentFailed], ordered=False)
def in_thread(ctx: EventContext, event: OrderCreated) -> list[PaymentProcessed]:
    ctx.publish(PaymentFailed(reason=ctx.idempotency_key))
    publish(PaymentFailed(reason="no"))
    return []


@payment.on(OrderCreated, OrderChanged)
async def either(event: OrderCreated | OrderChanged) -> PaymentProcessed | None:
    return None


@payment.on
async def by_annotation(event: OrderCreated | OrderChanged) -> None: ...


@payment.on
async def in_its_database(db: Connection, event: OrderCreated) -> PaymentProcessed: ...


@payment.on(OrderCreated, retries=1)
def with_both(ctx: EventContext, db: Connection, event: OrderCreated) -> None: ...


assert_type(in_its_database, Handler[OrderCreated, PaymentProcessed])
assert_type(with_both, Handler[OrderCreated, None])


@payment.on
def by_annotation_with_context(ctx: EventContext, event: OrderCreated) -> None: ...


@payment.on(retries="forever")
async def with_options_only(event: OrderChanged) -> tuple[PaymentProcessed, PaymentFailed]:
    return PaymentProcessed(order_id="a"), PaymentFailed(reason="b")


async def calls() -> None:
    event = OrderCreated(order_id="A")
    assert_type(event.total, Decimal)
    assert_type(await take_payment(event), PaymentProcessed | PaymentFailed)
    assert_type(await in_thread(event), list[PaymentProcessed])
    assert_type(await either(OrderChanged(order_id="A")), PaymentProcessed | None)
    assert_type(await by_annotation(event), None)
    assert_type(await by_annotation_with_context(event), None)
    assert_type(with_options_only, Handler[OrderChanged, tuple[PaymentProcessed, PaymentFailed]])


async def refusals() -> None:
    event = OrderCreated(order_id="A")
    OrderCreated("A")  # pyright: ignore[reportCallIssue]  # fields are given by keyword
    OrderCreated(order_id=3)  # pyright: ignore[reportArgumentType]  # not a text
    event.order_id = "B"  # pyright: ignore[reportAttributeAccessIssue]  # events do not change
    await take_payment(OrderChanged(order_id="A"))  # pyright: ignore[reportArgumentType]  # not its event
    publish("done")  # pyright: ignore[reportArgumentType]  # not an event
    payment.on(OrderCreated, retires=5)  # pyright: ignore[reportCallIssue]  # no such option

    @payment.on(OrderCreated)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUntypedFunctionDecorator]  # takes another event
    async def other(event: OrderChanged) -> None: ...

    @payment.on(OrderCreated)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUntypedFunctionDecorator]  # gives no event
    async def text(event: OrderCreated) -> str:
        return "paid"


@workflow
async def hears(order_id: str) -> str:
    await publish(OrderCreated(order_id=order_id))
    one = await wait_for(PaymentProcessed, where=lambda event: event.order_id == order_id)
    assert_type(one, PaymentProcessed)
    other = await wait_for(
        PaymentProcessed, where=lambda event: event.order_id == order_id, timeout="2d"
    )
    assert_type(other, PaymentProcessed | None)
    await wait_for(PaymentProcessed)  # pyright: ignore[reportCallIssue]  # no condition
    await wait_for(str, where=lambda event: True)  # pyright: ignore[reportArgumentType]  # no event
    return one.order_id
