"""Workflows of every kind that the language has; each is run as Python and as its definition."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pavane.errors import Fail
from pavane.sdk.workflow import gather, scope, sleep, workflow
from tests.unit.language.shop import (
    Box,
    Kind,
    Line,
    Order,
    Parcel,
    Payment,
    Receipt,
    Reservation,
    Speed,
    anything,
    charge_card,
    find_coupon,
    note_down,
    rates,
    refund,
    reserve_stock,
    score,
    send_invoice,
    settings,
    ship,
)

VAT = Decimal("0.19")
LIMIT = 3
GREETING = "costs ${5} and more"
EUROPE = ("DE", "FR")


@workflow
async def fulfil_order(order: Order) -> Receipt:
    """Reserve, charge, then ship and invoice side by side."""
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "declined":
        raise Fail("card declined")
    parcel, invoice = await gather(ship(order), send_invoice(order, paid))
    return Receipt(parcel=parcel["id"], invoice=invoice.number)


@workflow
async def straight(order: Order, note: str = "none", limit: int = LIMIT) -> str:
    reserved = await reserve_stock(order)
    await note_down(note)
    await note_down(f"shelf {reserved.shelf_id}, at most {limit}", 1.5)
    return reserved.shelf_id


@workflow
async def elif_chain(order: Order) -> None:
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "ok":
        await note_down("fine")
    elif paid.status == "declined":
        await note_down("declined")
        raise Fail(f"declined {order.id} for {reserved.total}")
    elif paid.status == "review":
        await note_down("review")
        return
    else:
        await note_down(f"odd {paid.status}")
    await note_down("end")


@workflow
async def early_return(order: Order) -> Receipt:
    if order.kind != Kind.GOLD:
        return Receipt("none", 0)
    if not order.gift and order.pieces > LIMIT:
        parcel = await ship(order, express=True)
        return Receipt(parcel["id"], 1, tags=["big"])
    return Receipt(parcel="small", invoice=-1, note=order.note)


@workflow
async def carried_variables(order: Order) -> str:
    fee = Decimal(0)
    label = "none"
    if order.kind is Kind.GOLD:
        paid = await charge_card(order, Decimal("1.00"))
        label = paid.status
    elif order.gift:
        paid = await charge_card(order, Decimal("2.00"))
        fee = paid.fee + 1
    else:
        fee = order.total_of("a") * VAT
    await note_down(label)
    if fee > 1:
        await note_down(f"fee {fee}")
    return f"{label}/{fee}"


@workflow
async def computed(order: Order) -> dict[str, Any]:
    total = sum(line.price * line.qty for line in order.lines)
    heavy = [line.sku for line in order.lines if line.qty >= 2]
    found = await rates(order)
    best = min(found)
    return {
        "total": total,
        "with_vat": round(total * (1 + VAT), 2),
        "heavy": heavy,
        "best": best,
        "all": found,
        "more": sorted(found, reverse=True)[0] + best,
        "name": order.note.upper() if order.note else "NONE",
        "due": order.due is not None and order.due > date(2024, 1, 31),
        "late": order.placed >= datetime(2024, 5, 1, 10),
        "tags": ", ".join(order.tags),
        "count": len(order.lines) + len(heavy) * 2,
        "any": any(line.price > Decimal("9.99") for line in order.lines),
        "pairs": [[number, line.sku] for number, line in enumerate(order.lines, start=1)],
        "weights": {name: weight for name, weight in order.weights.items() if weight > 1},
        "in": "a" in heavy or order.speed in {Speed.FAST},
        "cut": order.id[1:],
        "last": order.lines[-1].sku,
        "text": f"{order.id}: {total:.1f} {order.gift} {order.speed}",
        "fixed": GREETING,
        "europe": order.note in EUROPE,
        "product": LIMIT * 2,
        "customer": str(order.customer_id),
    }


@workflow
async def defaults_left_out(order: Order) -> str:
    if order.insured:
        await note_down("insured")
    if order.speed == Speed.SLOW:
        await note_down("slow")
    if order.gift:
        await note_down("gift")
    return f"{order.insured} {order.speed == Speed.FAST}"


@workflow
async def nested_conditions(order: Order) -> int:
    points = await score(order)
    bonus = 0
    if points > 3:
        if order.gift:
            await note_down("gift")
            bonus = 1
        else:
            again = await score(order)
            if again > points:
                bonus = again
    elif points == 3:
        bonus = 7
    return points + bonus


@workflow
async def awaits_inside(order: Order) -> str:
    if await score(order) > 3 and order.gift:
        return "high"
    if (await charge_card(order, (await reserve_stock(order)).total)).status == "ok":
        await note_down("charged")
    return f"{(await ship(order))['id']}!"


@workflow
async def branches(order: Order) -> list[str]:
    reserved = await reserve_stock(order)

    async def bill(times: int, note: str = "bill") -> Payment:
        paid = await charge_card(order, reserved.total * times)
        if paid.status != "ok":
            await note_down(note)
        return paid

    async def pack() -> str:
        parcel = await ship(order)
        if parcel["weight"] > 1:
            await sleep(0.001)
            await note_down("heavy")
        else:
            await note_down("light")
        return parcel["id"]

    first, (second, number), parcel = await gather(
        bill(1), gather(bill(2, note="second"), score(order)), pack()
    )
    third = await bill(3)
    return [first.id, second.id, third.id, parcel, str(number)]


@workflow
async def nonlocal_branch(order: Order) -> str:
    mark = "none"

    async def one() -> None:
        nonlocal mark
        await score(order)
        mark = "one"

    async def two() -> None:
        await note_down("two")

    await gather(one(), two())
    return mark


@workflow
async def scopes(order: Order) -> str:
    reserved = await reserve_stock(order)
    doubled = reserved.total * 2
    status = "new"
    async with scope("pay"):
        paid = await charge_card(order, doubled)
        if paid.status == "ok":
            status = "paid"
            async with scope("tell"):
                invoice = await send_invoice(order, paid)
                await note_down(f"{invoice.number} of {doubled}")
        pair = await gather(score(order), ship(order))
    await note_down(status)
    return f"{paid.id} {status} {pair[0]} {pair[1]['id']}"


@workflow
async def styled(order: Order) -> None:
    async with scope("dance", style="choreographed", home="payment"):
        await note_down(order.id)


@workflow
async def scope_fails(order: Order) -> None:
    async with scope("try_it"):
        points = await score(order)
        if points < 4:
            raise Fail(f"only {points}")
    await note_down("passed")


@workflow
async def whole_results(order: Order) -> Reservation:
    return await reserve_stock(order)


@workflow
async def whole_dict(name: str) -> dict[str, Any]:
    found = await settings(name)
    if found["mode"] == "off":
        return {"mode": "none"}
    return found


@workflow
async def nothing_back(order: Order) -> None:
    await note_down(order.id)


@workflow(name="price of it", version=3)
async def priced(order: Order, factor: Decimal = Decimal("1.5")) -> Decimal:
    found = await rates(order)
    return max(found) * factor


@workflow
async def calls_others(order: Order) -> dict[str, Any]:
    price = await priced(order)
    kept = await whole_results(order)
    low, again = await gather(
        priced(order, factor=Decimal(1)), priced.with_options(ref="twice")(order, Decimal(2))
    )
    await nothing_back(order)
    return {"price": price, "shelf": kept.shelf_id, "sum": low + again + kept.total}


@workflow
async def countdown(number: int) -> int:
    await note_down(f"at {number}")
    if number <= 0:
        return 0
    below = await countdown(number - 1)
    return below + number


@workflow
async def options(order: Order) -> str:
    fee = Decimal(1)
    reserved = await reserve_stock.with_options(ref="hold", retries=7, timeout="1m30s")(order)
    paid = await charge_card.with_options(undo=refund, pivot=True)(order, reserved.total + fee)
    await score.with_options(optional=True, start_delay="5s")(order)
    return paid.id


@workflow
async def loose_data(value: Any) -> str:
    found = await anything(value=value)
    if found["deep"][0]["name"] == "x":
        await anything(value={"again": found["deep"], "with": [value, 1, None, True]})
    return f"{found['deep'][0]['name']}-{value}"


@workflow
async def coupons(order: Order, code: str) -> Decimal:
    coupon = await find_coupon(code)
    if coupon is None:
        return Decimal("0.00")
    price = order.lines[0].price - coupon if coupon < order.lines[0].price else coupon
    other = await find_coupon(f"{code}-2")
    return price + (other or Decimal(1))


@workflow
async def parcels(order: Order) -> Parcel:
    first = await ship(order)
    name = first["id"]
    if name.startswith("k"):
        name += "-kept"
    parcel = Parcel(id=name, weight=first["weight"] * 2)
    return parcel


@workflow
async def all_ways_return(order: Order) -> str:
    if order.gift:
        first, second = (order.id, 1)
        return f"{first}{second}"
    else:
        await sleep(0)
        return "plain"


@workflow
async def odd_names(box: Box, size: int, workflow: str, d: dict[str, int], key: str) -> str:
    count = sum(item.qty for item in box.items) + len(box.keys)
    await note_down(f"{count} {box.size} {size} {workflow} {box.unit_price} {box.class_}")
    await note_down(f"${box.size} {box.weight} {d['a b']} {d[key]} {d.get('x', 3)}")
    if box.class_ == "y" or (box.unit_price * 2 > 3 and box.weight == 1):
        await note_down("quote \" and ' and \\ \n" + box.class_, box.weight)
    return "${= evil }" + key


def order(**changes: Any) -> Order:
    lines = [Line("a", 2, Decimal("1.25")), Line("b", 1, Decimal("10.00"))]
    return Order(**{"id": "o-1", "lines": lines, **changes})
