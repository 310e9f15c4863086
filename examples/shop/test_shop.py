"""How to test a process: each task as the function it is, and the whole in memory."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from orders import KINDS, orders
from shop import (
    DECLINED_CARD,
    Invoice,
    Order,
    Payment,
    Receipt,
    Reservation,
    charge_card,
    fulfil_order,
    reserve_stock,
    send_invoice,
    ship,
)

from pavane import Fail
from pavane.errors import ExecutionFailedError
from pavane.testing import play

ORDER = Order("1", customer="Byrd", item="lute", quantity=2, card="4111", country="CH")


def test_a_task_is_a_function():
    assert asyncio.run(reserve_stock(ORDER)).total == Decimal("1280.00")
    with pytest.raises(Fail, match="sold out"):
        asyncio.run(reserve_stock(replace(ORDER, item="harpsichord")))
    declined = asyncio.run(charge_card(replace(ORDER, card=DECLINED_CARD), Decimal(10)))
    assert declined.status == "declined"


def test_an_order_goes_through():
    assert asyncio.run(fulfil_order(ORDER)) == Receipt(parcel="S-1", invoice="I-1")


def test_a_carrier_that_fails_twice_is_asked_again():
    assert asyncio.run(fulfil_order(replace(ORDER, country="NO"))).parcel == "S-1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"card": DECLINED_CARD}, "card declined"),
        ({"item": "harpsichord"}, "sold out"),
        ({"country": "the Moon"}, "no carrier goes to the Moon"),
    ],
)
def test_an_order_that_cannot_be_fulfilled(change: dict[str, str], reason: str):
    with pytest.raises(ExecutionFailedError, match=reason):
        asyncio.run(fulfil_order(replace(ORDER, **change)))


def test_an_order_that_no_carrier_takes_ends_alike_in_every_style():
    """`play` scripts what the tasks answer, and needs no time; nothing is left standing."""
    results = {
        reserve_stock: Reservation("R-1", Decimal(640)),
        charge_card: Payment("P-1", "paid"),
        ship: Fail("no carrier"),
        send_invoice: Invoice("I-1"),
    }
    for style in ("orchestrated", "choreographed"):
        played = play(fulfil_order, {"order": ORDER}, style=style, results=results)
        assert (played.status, played.reason) == ("COMPENSATED", "ship: no carrier")
        assert played.effects == []


def test_orders_are_varied_and_repeatable():
    given = orders(200, seed=3)
    assert given == orders(200, seed=3)
    assert given != orders(200, seed=4)
    assert len({order.id for order in given}) == 200
    special = sum(1 for order in given if order.card == DECLINED_CARD)
    assert special == 2 * KINDS["card declined"]
