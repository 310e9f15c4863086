"""Workflows with `try`; each is run as Python and as its definition."""

from __future__ import annotations

from decimal import Decimal

from pavane.errors import Fail, StepFailed
from pavane.sdk.workflow import gather, scope, workflow
from tests.unit.language.shop import (
    Order,
    charge_card,
    find_coupon,
    note_down,
    reserve_stock,
    score,
    settings,
    ship,
)


@workflow
async def caught(order: Order) -> str:
    """What was done in the body is undone before the `except` is carried out."""
    state = "new"
    try:
        reserved = await reserve_stock(order)
        paid = await charge_card(order, reserved.total)
    except StepFailed as e:
        await note_down(f"{e.step} said {e.reason}")
        state = "failed"
    else:
        await note_down(paid.status)
        state = paid.id
    return state


@workflow
async def handed_on(order: Order) -> str:
    """What the body assigns goes on where nothing failed; the other way has its own."""
    try:
        points = await score(order)
        name = order.id
    except StepFailed:
        points, name = -1, "nobody"
    return f"{name} has {points}"


@workflow
async def own_fails(order: Order) -> str:
    try:
        if await score(order) > 4:
            raise Fail("too many points")
        await note_down("few")
    except StepFailed as e:
        return f"step {e.reason}"
    except Fail as e:
        return f"own {e.reason}"
    return "fine"


@workflow
async def fails_go_on(order: Order) -> str:
    """A Fail that no `except` is for ends the workflow."""
    try:
        if await score(order) > 4:
            raise Fail("too many points")
    except StepFailed:
        return "no points"
    return "few points"


@workflow
async def any_fail(order: Order) -> str:
    try:
        points = await score(order)
        if points < 4:
            raise Fail(f"only {points}")
        await charge_card(order, Decimal(points))
    except Fail as e:
        raise Fail(f"again: {e.reason}") from e
    return "paid"


@workflow
async def raised_again(order: Order) -> None:
    try:
        await ship(order)
    except StepFailed:
        await note_down("not shipped")
        raise


@workflow
async def nested(order: Order) -> str:
    """Scopes, branches and other workflows fail as steps do."""

    async def pack() -> str:
        try:
            await note_down("pack")
            box = await settings("box")
            label = f"{box['mode']}"
        except StepFailed as e:
            label = e.step
        return label

    try:
        first, second = await gather(pack(), score(order))
        try:
            async with scope("money"):
                await charge_card(order, Decimal(second))
        except StepFailed as e:
            await note_down(f"{e.step}: {e.reason}")
            await handed_on(order)
            await raised_again(order)
            first = "shipped"
    except StepFailed as e:
        return f"lost: {e.step}: {e.reason}"
    return f"{first} {second}"


@workflow
async def tried_again(order: Order, most: int) -> str:
    tries, found = 0, "nothing"
    while tries < most:
        tries += 1
        try:
            coupon = await find_coupon(f"c{tries}")
        except StepFailed:
            await note_down(f"try {tries}")
            coupon = None
        if coupon is not None:
            found = f"{coupon}"
            break
    try:
        size = len(order.tags)
    except Fail:
        size = 0
    return f"{found} after {tries}, {size}"
