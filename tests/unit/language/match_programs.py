"""Workflows with `match`; each is run as Python and as its definition."""

from __future__ import annotations

from decimal import Decimal

from pavane.errors import Fail
from pavane.sdk.workflow import scope, workflow
from tests.unit.language.shop import (
    Declined,
    Kind,
    Order,
    Payment,
    Pending,
    Speed,
    Took,
    charge_card,
    look_up,
    note_down,
    score,
    ship,
    take,
)

LATE = "late"


@workflow
async def on_text(order: Order, mode: str) -> str:
    """One SWITCH, whose cases are the texts."""
    match mode:
        case "fast":
            await ship(order, express=True)
            how = "quickly"
        case "slow":
            await ship(order)
            how = "slowly"
        case "never":
            raise Fail("nothing is shipped")
        case _:
            how = mode
    return how


@workflow
async def on_members(order: Order, kind: Kind, speed: Speed) -> list[str]:
    seen = "none"
    match kind:
        case Kind.GOLD:
            seen = "gold"
        case Kind.PLAIN:
            await note_down("plain")
    match speed:
        case Speed.FAST:
            await note_down("fast")
        case Speed.SLOW if order.gift:
            await note_down("slow gift")
            seen += "!"
    return [seen]


@workflow
async def on_several(order: Order, number: int | None, flag: bool) -> str:
    """`|`, guards, None, numbers, a captured rest; it may fall through."""
    found = "nothing"
    match number:
        case None:
            found = "none"
        case 1 | 2 | -3:
            found = "few"
        case 7 if flag and order.gift:
            await note_down("seven")
            found = "seven"
        case rest if flag:
            await note_down(f"{rest}")
            await score(order)
    match await score(order):
        case 5 | 6 as points:
            found += f" {points}"
        case other:
            await note_down(f"{other} points")
    match order.note:
        case "x" | None:
            return f"{found} early"
        case "y" if not flag:
            pass
    return found


@workflow
async def on_classes(order: Order) -> str:
    """The classes of a union with tags, with fields asked for and captured."""
    answer = await take(order)
    match answer:
        case Took(id="t-0"):
            end = "the first"
        case Took(amount=amount, id=name):
            await note_down(f"{amount + answer.amount} for {name}")
            end = name
        case Declined(code=0):
            raise Fail(f"declined: {answer.reason}")
        case Declined() | Pending():
            match answer:
                case Pending():
                    end = f"until {answer.until.year + 1}"
                case _:
                    end = "declined"
        case _:
            end = "never"
    return end


@workflow
async def on_every_class(order: Order, code: str) -> str:
    """Cases that leave nothing: what each of them assigns has a value behind them."""
    match await take(order):
        case Took(amount=amount):
            end = f"took {amount}"
        case Declined(reason=why) if order.gift:
            end = why
        case Declined() | Pending():
            end = "not yet"
    match await look_up(code):
        case None:
            raise Fail("unknown")
        case Payment(id=name):
            pass
    return f"{end} {name}"


@workflow
async def on_maybe(order: Order, code: str) -> str:
    match await look_up(code):
        case Payment(status="ok", fee=fee):
            return f"paid {fee * 2}"
        case Payment() as paid:
            await note_down(paid.status)
        case None:
            await note_down("unknown")
    match await charge_card(order, Decimal(1)):
        case Payment(status="ok"):
            return "charged"
        case Payment(status="late") | Payment(status="no"):
            return "waits"
    return "lost"


@workflow
async def on_pairs(order: Order, mode: str) -> str:
    match mode, await score(order):
        case "a", 5:
            found = "a five"
        case "a" | "b", points:
            found = f"{points} of {mode}"
        case _, 0:
            found = "zero"
        case _:
            found = "other"
    return found


@workflow
async def in_loops(order: Order, mode: str) -> str:
    """Cases end iterations and loops, and stand in scopes."""
    seen, tries = "", 0
    for line in order.lines:
        match line.sku:
            case "skip":
                continue
            case "stop":
                await note_down("stop")
                break
            case sku:
                seen += sku
        match mode:
            case "count":
                tries += 1
            case "score":
                tries += await score(order)
    async with scope("last"):
        match tries:
            case 0:
                state = "never"
            case 1 | 2:
                state = "few"
                await note_down("few")
            case _:
                state = "many"
    match state:
        case "never":
            state = LATE
    return f"{seen} {state} {tries}"
