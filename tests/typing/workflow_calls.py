"""What a type checker knows of workflows and their words. Checked by pyright, never run.

An unused `pyright: ignore` is an error in this project: each one below proves a refusal.
"""

# pyright: strict

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_type

from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, race, scope, sleep, until, workflow


@dataclass
class Order:
    id: str


@dataclass
class Receipt:
    parcel: str


shipping = Service("shipping")


@shipping.task
async def ship(order: Order) -> Receipt:
    return Receipt(order.id)


@shipping.task
def weigh(order: Order) -> float:
    return 1.5


@workflow
async def deliver(order: Order, fast: bool = False) -> str:
    assert_type(await ship(order), Receipt)
    assert_type(await weigh(order), float)
    a, b = await gather(ship(order), weigh(order))
    assert_type(a, Receipt)
    assert_type(b, float)

    async def pack(times: int) -> int:
        return times

    three = await gather(pack(1), weigh(order), ship(order))
    assert_type(three, tuple[int, float, Receipt])
    four = await gather(pack(1), pack(2), pack(3), ship(order))
    assert_type(four, tuple[int, int, int, Receipt])
    five = await gather(pack(1), pack(2), pack(3), pack(4), ship(order))
    assert_type(five, tuple[int, int, int, int, Receipt])
    six = await gather(pack(1), pack(2), pack(3), pack(4), pack(5), ship(order))
    assert_type(six, tuple[int, int, int, int, int, Receipt])
    assert_type(await race(ship(order), weigh(order)), Receipt | float)
    assert_type(await race(ship(order), ship(order), sleep("2d")), Receipt | None)
    await race(ship(order), 3)  # pyright: ignore[reportCallIssue, reportArgumentType]  # a number cannot be awaited
    nested = await gather(gather(ship(order), weigh(order)), pack(1))
    assert_type(nested, tuple[tuple[Receipt, float], int])
    async with scope("inner", style="choreographed", home="shipping"):
        inside = await ship(order)
    assert_type(inside, Receipt)
    await sleep("10s")
    await sleep(timedelta(minutes=1))
    await until(datetime(2030, 1, 31, tzinfo=UTC))
    return a.parcel


@workflow(version=2, style="choreographed", name="other")
async def calls_another(order: Order) -> int:
    assert_type(await deliver(order, fast=True), str)
    assert_type(await deliver.with_options(ref="again")(order), str)
    text, parcel = await gather(deliver(order), ship(order))
    assert_type(text, str)
    assert_type(parcel, Receipt)
    return 1


@workflow
async def in_loops(orders: list[Order], weights: dict[str, float]) -> float:
    total, latest = 0.0, None
    for order in orders:
        assert_type(order, Order)
        latest = await ship(order)
        total += await weigh(order)
        await ship(order.idd)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]  # no such field
    for number, (name, weight) in enumerate(weights.items()):
        assert_type((number, name, weight), tuple[int, str, float])
    while True:
        parcel = await ship(orders[0])
        if total > 3:
            break
    assert_type(parcel, Receipt)
    assert_type(latest, Receipt | None)
    return total


async def outside(order: Order) -> None:
    assert_type(await deliver(order), str)
    assert_type(await calls_another(order), int)
    many = await gather(*(ship(order) for _ in range(3)))
    assert_type(many, list[Receipt])
    await deliver("A-1")  # pyright: ignore[reportArgumentType]  # not an order
    await deliver()  # pyright: ignore[reportCallIssue]  # no order
    await calls_another(order, 3)  # pyright: ignore[reportCallIssue]  # no such parameter
    await gather(ship(order), weigh("A-1"))  # pyright: ignore[reportArgumentType]  # not an order
    scope("x", style="mixed")  # pyright: ignore[reportArgumentType]  # no such style
    await sleep(None)  # pyright: ignore[reportArgumentType]  # no duration


@workflow  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]  # not an `async def`
def not_async(order: Order) -> int:
    return 1


@workflow(max_running=2, per="order.id", when_full="reject")
async def limited(order: Order) -> str:
    return (await ship(order)).parcel


async def starts_limited(order: Order) -> None:
    assert_type(await limited(order), str)
    workflow(max_running=1, when_full="drop")  # pyright: ignore[reportArgumentType]  # it waits or is refused
