"""Workflows whose lists and dicts take in the members of others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pavane.sdk.workflow import workflow
from tests.unit.language.shop import Order, anything, find_coupon, note_down, rates, settings, ship


@workflow
async def spread_lists(order: Order, more: list[str], word: str) -> str:
    tags = [*order.tags, "end"]
    await note_down(",".join([*tags, *more, *["x", word], *word, *order.weights]))
    found = await rates(order)
    prices = [Decimal(1), *found, order.lines[0].price]
    await note_down(f"{max(prices)} {prices[-1] + prices[0]} {sum([*found, *found])}")
    lines = [*order.lines, *(line for line in order.lines if line.qty > 1)]
    await note_down(f"{sum(line.price * line.qty for line in lines)} {lines[-1].sku}")
    for each in (*tags, *more):
        await note_down(each)
    first, second = [*("a", "b")]
    await anything(value=[*found, [*tags], {"all": [*more, *(more or tags)]}])
    return first + second + tags[-1]


@workflow
async def spread_dicts(order: Order, base: dict[str, Any], word: str) -> dict[str, Any]:
    found = await settings("x")
    parcel = await ship(order)
    named = {"word": word, "mode": "none", "gift": order.gift}
    whole = {**named, **found, "by": order.id, "mode": "last"}
    await anything(value={**base, "gift": order.gift, "cut": {**parcel, "id": "none"}})
    await note_down(f"{whole['mode']} {whole['by']} {named['word']}", parcel["weight"])
    fixed = {**named, "mode": "fixed"}
    prices = {**{line.sku: line.price for line in order.lines}, "none": Decimal(0)}
    coupon = await find_coupon(fixed["mode"])
    rest = prices["a"] - (coupon or prices["none"])
    gifts = [{"gift": order.gift, "sku": line.sku} for line in order.lines]
    sizes = {line.sku: order.insured for line in order.lines}
    return {
        **whole,
        "rest": rest,
        "fixed": fixed,
        "gifts": gifts,
        "sizes": sizes,
        **(base or found),
    }
