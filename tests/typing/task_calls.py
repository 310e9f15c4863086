"""What a type checker knows of tasks. Checked by pyright, never run.

An unused `pyright: ignore` is an error in this project: each one below proves a refusal.
"""

# pyright: strict

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import assert_type

from apsw import Connection

from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service


@dataclass
class Order:
    id: str


@dataclass
class Reservation:
    id: str


inventory = Service("inventory")


@inventory.task
async def release_stock(order: Order, reserved: Reservation) -> None: ...


@inventory.task(undo=release_stock, retries=3, timeout="10s")
async def reserve_stock(order: Order, quantity: int = 1) -> Reservation:
    return Reservation(order.id)


@inventory.task
def count_stock(article: str) -> int:
    return len(article)


@inventory.task
async def with_context(ctx: TaskContext, order: Order) -> Reservation:
    return Reservation(ctx.idempotency_key)


@inventory.task(retries=0)
def sync_with_context(ctx: TaskContext, order: Order) -> list[Reservation]:
    return []


@inventory.task
async def with_database(db: Connection, order: Order) -> Reservation:
    return Reservation(order.id)


@inventory.task
async def with_both(ctx: TaskContext, db: Connection, order: Order) -> Reservation:
    return Reservation(ctx.idempotency_key)


@inventory.task(retries=1)
def sync_with_both(ctx: TaskContext, db: Connection, order: Order, count: int = 1) -> int:
    return count


@inventory.task(retries=1)
def sync_with_database(db: Connection) -> int:
    return db.total_changes()


@inventory.task(concurrency=2)
def nothing(*, article: str) -> None: ...


async def calls(order: Order) -> None:
    assert_type(await reserve_stock(order), Reservation)
    assert_type(await reserve_stock(order, quantity=3), Reservation)
    assert_type(await count_stock("a"), int)
    assert_type(await with_context(order), Reservation)
    assert_type(await sync_with_context(order), list[Reservation])
    assert_type(await with_database(order), Reservation)
    assert_type(await with_both(order), Reservation)
    assert_type(await sync_with_both(order, count=2), int)
    assert_type(await sync_with_database(), int)
    assert_type(await nothing(article="a"), None)
    assert_type(await reserve_stock.with_options(ref="hold", optional=True)(order), Reservation)
    both = await asyncio.gather(reserve_stock(order), count_stock("a"))
    assert_type(both, tuple[Reservation, int])


async def refusals(order: Order) -> None:
    await reserve_stock("A-1")  # pyright: ignore[reportArgumentType]  # not an order
    await reserve_stock()  # pyright: ignore[reportCallIssue]  # no order
    await reserve_stock(order, amount=3)  # pyright: ignore[reportCallIssue]  # no such parameter
    await with_context(TaskContext.outside("a", "b"), order)  # pyright: ignore[reportCallIssue]  # callers do not pass the context
    await with_both(Connection(":memory:"), order)  # pyright: ignore[reportCallIssue]  # nor the database
    inventory.task(undo="release_stock")  # pyright: ignore[reportArgumentType]  # not a task
    inventory.task(retires=3)  # pyright: ignore[reportCallIssue]  # no such option
