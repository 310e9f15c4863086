"""Workflows of which so many executions run at once, for the golden files."""

from pavane import Service, workflow
from tests.unit.language.shop import Order

till = Service("till")


@till.task
async def book(order: Order) -> None: ...


@workflow(max_running=5)
async def runs_five_times_at_once(order: Order) -> None:
    await book(order)


@workflow(max_running=1, per="order.id", when_full="reject")
async def runs_once_for_each_order(order: Order) -> None:
    await book(order)
