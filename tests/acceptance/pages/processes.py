"""One process in each style, whose tasks wait until a test lets them go on."""

import asyncio

from pavane import Fail, Service, gather, scope, workflow

desk, bank = Service("desk"), Service("bank")
gates: dict[str, asyncio.Event] = {}
"""By the name of an order: what its payment waits for."""


@desk.task
async def give_back(order: str) -> None: ...


@desk.task(undo=give_back, retries=0)
async def take(order: str) -> str:
    return order


@bank.task
async def refund(order: str) -> None: ...


@bank.task(undo=refund, retries=0)
async def pay(order: str) -> str:
    if order in gates:
        await gates[order].wait()
    if order.startswith("bad"):
        raise Fail(f"no money for {order}")
    return f"paid {order}"


@workflow
async def conducted(order: str) -> str:
    """With a conductor."""
    await take(order)
    paid, _ = await gather(pay(order), take(order))
    return paid


@workflow(style="choreographed")
async def danced(order: str) -> str:
    """With none."""
    await take(order)
    paid, _ = await gather(pay(order), take(order))
    return paid


@workflow
async def hybrid(order: str) -> str:
    """With a conductor for the whole, and none for a part."""
    await take(order)
    async with scope("money", style="choreographed"):
        paid = await pay(order)
    return paid


SERVICES = (desk, bank)
WORKFLOWS = (conducted, danced, hybrid)
