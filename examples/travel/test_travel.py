"""How to test a journey: in each style, with people who answer and prices that change."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import dancers
import hybrid
import pytest
from dancers import ApprovalAsked, ApprovalGiven, PartCancelled, TripAsked, TripBooked, TripRefused
from travel import Approval, Booking, Itinerary, Trip, book_trip, quote
from travel import book_flight as flight
from travel import book_room as room
from travel import reserve_car as car

from pavane import Fail
from pavane.errors import ExecutionFailedError
from pavane.testing import HANG, Play, after, in_turn, play, react

CHEAP = Trip("1", traveller="Byrd", place="Mantua", nights=3, limit=Decimal(1000))
DEAR = replace(CHEAP, limit=Decimal(100))
GOOD = {
    quote: Decimal(550),
    flight: Booking("F-1"),
    room: Booking("H-1"),
    car: Booking("C-1"),
}
BOOKED = Itinerary(flight="F-1", hotel="H-1", car="C-1", total=Decimal(550))
YES = after(86_400, Approval(approved=True, by="Tallis"))

Style = Literal["orchestrated", "choreographed"]
in_every_style = pytest.mark.parametrize("style", ["orchestrated", "choreographed"])


def played(trip: Trip, style: Style, **answers: Any) -> Play:
    return play(book_trip, {"trip": trip}, style=style, results={**GOOD, **answers})


@in_every_style
def test_what_is_cheap_is_booked_at_once(style: Style):
    assert played(CHEAP, style).output == BOOKED


@in_every_style
def test_what_is_dear_is_asked_for(style: Style):
    assert played(DEAR, style, approve=YES).output == BOOKED
    no = played(DEAR, style, approve=Approval(approved=False, by="Tallis"))
    assert (no.status, no.reason) == ("FAILED", "550 for Mantua was not approved")
    assert played(DEAR, style, approve=HANG).reason == "550 for Mantua was not approved"
    late = played(DEAR, style, approve=after(3 * 86_400, Approval(approved=True, by="Tallis")))
    assert late.reason == "550 for Mantua was not approved"


@in_every_style
def test_a_price_may_change_while_somebody_thinks(style: Style):
    changed = played(DEAR, style, approve=YES, quote_2=Decimal(700))
    assert (changed.status, changed.reason) == ("FAILED", "the price changed from 550 to 700")


@in_every_style
def test_all_or_nothing(style: Style):
    full = played(CHEAP, style, book_room=Fail("no room"))
    assert (full.status, full.reason) == ("COMPENSATED", "book_room: no room")
    assert full.effects == []


@in_every_style
def test_an_airline_that_does_not_answer_is_asked_again(style: Style):
    busy = in_turn(ConnectionError("busy"), Booking("F-1"))
    assert played(CHEAP, style, book_flight=busy).output == BOOKED


def test_half_and_half():
    """A hybrid runs in memory, with the tasks as they are."""
    assert asyncio.run(hybrid.book_trip(CHEAP)) == BOOKED
    with pytest.raises(ExecutionFailedError, match="no room in Uppsala"):
        asyncio.run(hybrid.book_trip(replace(CHEAP, place="Uppsala")))


# --- without a workflow -------------------------------------------------------------------------

ALL = [dancers.prices, dancers.desk, dancers.flights, dancers.hotels, dancers.cars, dancers.trips]


def trip(id: str, **changes: Any) -> Trip:
    """Each test has a journey of its own: the services remember."""
    return replace(CHEAP, id=id, **changes)


def test_dancers_book_what_is_cheap():
    told = react(ALL, TripAsked(trip=trip("11")))
    (booked,) = told.of(TripBooked)
    assert booked["codes"] == ["C-11", "F-11", "H-11"]
    assert told.dead == []


def test_dancers_wait_for_an_answer():
    dear = trip("12", limit=Decimal(100))
    asked = react(ALL, TripAsked(trip=dear))
    assert [each["price"] for each in asked.of(ApprovalAsked)] == ["550"]
    assert asked.of(TripBooked) == []
    yes = after(86_400, ApprovalGiven(trip=dear, price=Decimal(550), approved=True))
    assert len(react(ALL, TripAsked(trip=dear), yes, limit="2d").of(TripBooked)) == 1
    no = ApprovalGiven(trip=dear, price=Decimal(550), approved=False)
    (refused,) = react(ALL, no).of(TripRefused)
    assert refused["why"] == "550 for Mantua was not approved"


def test_dancers_look_at_the_price_again():
    told = react(ALL, ApprovalGiven(trip=trip("13"), price=Decimal(500), approved=True))
    assert told.of(TripRefused)[0]["why"] == "the price changed from 500 to 550"


def test_dancers_cancel_what_one_of_them_refuses():
    told = react(ALL, TripAsked(trip=trip("14", place="Uppsala")))
    assert [each["why"] for each in told.of(TripRefused)] == ["no room in Uppsala"]
    assert sorted(each["code"] for each in told.of(PartCancelled)) == ["C-14", "F-14"]
    assert told.of(TripBooked) == []
