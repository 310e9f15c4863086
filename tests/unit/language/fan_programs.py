"""Workflows that gather over data; each is run both as Python and as a definition."""

from __future__ import annotations

from decimal import Decimal

from pavane.sdk.workflow import gather, scope, workflow
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
async def charge_each(order: Order, least: int = 1) -> dict[str, Decimal]:
    """A payment for some of the lines, side by side; objects come back."""
    paid = await gather(
        *(charge_card(order, line.price * line.qty) for line in order.lines if line.qty > least)
    )
    await note_down(f"{len(paid)} paid", float(len(paid)))
    return {"fees": sum([each.fee for each in paid], Decimal(0)), "due": order.total_of("a")}


@workflow
async def coupons_of(codes: list[str]) -> list[Decimal | None]:
    """Results that are no objects, and may be missing."""
    return list(await gather(*(find_coupon(code) for code in codes)))


@workflow
async def notes(order: Order) -> int:
    """Steps without results; two loops, and text put together."""
    done = await gather(*[note_down(f"{a}-{b}") for a in order.tags for b in order.tags])
    return len(done)


@workflow
async def scored(order: Order, times: int) -> int:
    """What is called for each item by other workflows."""
    return await score(order) + times


@workflow
async def workflows_for_each(order: Order) -> list[int]:
    """A workflow for each item."""
    found = await gather(*(scored(order, n * 10) for n in range(order.pieces)))
    return found + [len(found)]  # noqa: RUF005  # a list, not a tuple


@workflow
async def fans_in_places(order: Order) -> list[str]:
    """In a loop, in a branch, in a case and in a scope; results of one go into another."""
    seen: list[str] = []
    for tag in order.tags:
        prices = await gather(*(rates(order) for _ in range(2)))
        seen = [*seen, f"{tag}:{sum([price[0] for price in prices], Decimal(0))}"]

    async def both() -> int:
        found = await gather(*(score(order) for _ in order.lines))
        again = await gather(*(find_coupon(f"c{n}") for n in found if n > 3))
        return len(again)

    count, _ = await gather(both(), score(order))
    if order.gift:
        await gather(*(note_down(f"gift {tag}") for tag in order.tags))
    async with scope("inner"):
        held = await gather(*(reserve_stock(order) for _ in range(count)))
        shelves = [each.shelf_id for each in held]
    return seen + shelves


@workflow
async def fan_options(order: Order) -> list[int]:
    """Options of the call are those of every branch."""
    return list(
        await gather(
            *(
                score.with_options(ref="careful", retries=2, timeout="5s")(order)
                for _ in range(order.pieces)
            )
        )
    )


@workflow
async def fan_fails(order: Order) -> int:
    """The undo of each branch reads what that branch was given."""
    own = await gather(*(reserve_stock(order) for _ in order.lines))
    await charge_card(order, own[0].total)
    return len(own)
