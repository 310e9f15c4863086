"""Workflows with loops; each is run as Python and as its definition."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pavane.errors import Fail
from pavane.sdk.workflow import gather, scope, sleep, workflow
from tests.unit.language.shop import (
    Line,
    Order,
    Parcel,
    Receipt,
    anything,
    charge_card,
    find_coupon,
    note_down,
    rates,
    reserve_stock,
    score,
    settings,
    ship,
)

TRIES = 3
SIZES = ("s", "m", "l")


@workflow
async def for_each(order: Order) -> None:
    for line in order.lines:
        await note_down(f"{line.qty} of {line.sku} at {line.price * line.qty}")


@workflow
async def ranges(order: Order, most: int) -> int:
    last = -1
    for _ in range(3):
        await score(order)
    for number in range(1, most + order.pieces, 2):
        await anything(value=["number", number])
        last = number
    return last


@workflow
async def over_data(order: Order, weights: dict[str, float], word: str) -> str:
    for size in SIZES:
        await note_down(size)
    for name in weights:
        await note_down(name)
    for name, weight in weights.items():
        await note_down(name, weight)
    for letter in word:
        await note_down(letter)
    for index, tag in enumerate(order.tags):
        await anything(value=[tag, index])
    for line, tag in zip(order.lines, order.tags):  # noqa: B905  # the language has no strict=
        await note_down(f"{line.sku} is {tag}")
    for price in await rates(order):
        await note_down("dear" if price > 5 else "cheap", float(price * 2))
    for quantity, free in [(1, False), (order.pieces, order.gift)]:
        await anything(value=0 if free else quantity)
    for _unused in order.lines:
        pass
    return word


@workflow
async def attempts(order: Order) -> int:
    """The test is true at the start, whatever comes: no SWITCH in front."""
    tries = 0
    while tries < TRIES:
        tries += 1
        await anything(value=["try", tries])
    return tries


@workflow
async def until_paid(order: Order) -> Receipt:
    """`while True`, ways out of it, and values that are read behind it."""
    amount = order.pieces
    while True:
        paid = await charge_card(order, Decimal(amount))
        if paid.status == "ok":
            parcel = await ship(order)
            break
        if paid.status == "lost":
            raise Fail(f"lost {paid.id}")
        if paid.status == "later":
            await sleep("1s")
            continue
        amount = amount + 1
        if amount > 9:
            parcel = Parcel(id="none", weight=0.0)
            break
        await anything(value=["again", amount])
    return Receipt(parcel["id"], amount, paid.status)


@workflow
async def first_match(order: Order) -> str:
    """A list with `break`: what was found, or what stood there before."""
    found: Line | None = None
    for line in order.lines:
        if line.qty > 1:
            found = line
            break
        elif line.sku == "skip":
            continue
        elif line.sku == "stop":
            break
        await note_down(line.sku)
    return found.sku if found is not None else "none"


@workflow
async def sums(order: Order) -> str:
    """What iterations hand on: numbers, Decimals, lists, None; and an exchange of two."""
    total, shown = Decimal(0), ""
    seen: list[Decimal] = []
    latest: date | None = None
    older, newer = 1, 1
    best = None
    for price in await rates(order):
        coupon = await find_coupon(f"{price}")
        if coupon is None:
            shown = f"{shown}-"
        else:
            best = coupon if best is None or coupon > best else best
            total += price - coupon
        older, newer = newer, older + newer
        seen = seen + [price]  # noqa: RUF005  # `*` is not part of the language
        latest = order.due
    late = latest is not None and latest > date(2024, 1, 1)
    return f"{total} {shown} {sum(seen, Decimal(0))} {older} {newer} {best or 'none'} {late}"


@workflow
async def grid(order: Order, width: int) -> str:
    """Loops in loops; each has its own `break`, and one counts for both."""
    steps, rows = 0, 0
    for line in order.lines:
        column = 0
        while column < width:
            column += 1
            if column == line.qty:
                continue
            steps += 1
            got = await anything(value=f"{line.sku}{column}")
            if got == "enough":
                break
        if steps > 5:
            break
        rows += 1
    return f"{steps} {rows}"


@workflow
async def early_ends(order: Order) -> str:
    for line in order.lines:
        if line.qty == 7:
            return f"seven {line.sku}"
        points = await score(order)
        if points > 8:
            raise Fail(f"too many for {line.sku}")
        elif points == 0:
            return "none"
    return "all"


@workflow
async def parts_in_loops(order: Order) -> str:
    """Scopes, branches and local functions inside loops, and a loop inside each of them."""
    note = "start"
    calls = 0

    async def pack(line: Line, gift: bool = order.gift) -> int:
        nonlocal calls
        calls += 1
        weight = 0
        for size in SIZES:
            await note_down(f"{line.sku} {size} {note}")
            weight += 1 + calls
        return 0 if gift else weight

    for line in order.lines:
        weight = await pack(line)
        async with scope("stock"):
            reserved = await reserve_stock(order)
            tries = 0
            while tries < line.qty:
                tries += 1
                await anything(value=[reserved.shelf_id, tries])
            note = f"{note} {reserved.shelf_id}"
        points, parcel = await gather(score(order), ship(order))
        if points > weight:
            note = parcel["id"]
    return f"{note} {calls}"


@workflow
async def loops_side_by_side(order: Order) -> str:
    async def count(most: int) -> int:
        done = 0
        while done < most:
            await anything(value=["count", done])
            done += 1
        return done

    async def through() -> str:
        last = ""
        for tag in order.tags:
            last = f"{last}{tag}"
            await note_down(tag)
        return last

    async with scope("both"):
        a, b, c = await gather(count(2), count(order.pieces), through())
    return f"{a} {b} {c}"


@workflow
async def ways_in_loops(order: Order, mode: str) -> str:
    """An `if` that goes on, with a jump behind it; `continue` at the end; a test that changes."""
    level = 0
    known = await settings("first")
    while known["mode"] == "on" and level < 9:
        if mode == "slow":
            step = 1
        elif mode == "fast":
            step = 3
        else:
            step = await score(order)
        level += step
        if not order.insured:
            mode = "fast"
        else:
            await anything(value=[mode, level])
            if level == 2:
                mode = "fast"
        known = await settings(f"{level}")
    return f"{level} {mode}"
