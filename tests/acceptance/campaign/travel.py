"""The campaign's journeys: as the travel example's, with effects that somebody outside counts."""

import asyncio
import random
from dataclasses import dataclass
from decimal import Decimal

from pavane import Fail, Service, TaskContext, gather, sleep, workflow
from tests.acceptance.campaign import shop

prices, flights = Service("prices"), Service("flights")
hotels, cars = Service("hotels"), Service("cars")

KINDS = {
    "no flight": (10, "FAILED"),
    "no room": (15, "COMPENSATED"),
    "airline fails twice": (15, "COMPLETED"),
    "car booked, answer lost": (10, "COMPLETED"),
    "journey": (50, "COMPLETED"),
}
PAUSE = "200ms"  # a timer in each of them, which somebody has to ring


@dataclass(frozen=True)
class Trip:
    id: str
    kind: str
    pace_ms: int


@dataclass(frozen=True)
class Booking:
    code: str


@dataclass(frozen=True)
class Itinerary:
    flight: str
    room: str
    car: str
    price: Decimal


def trips(count: int, seed: int) -> list[Trip]:
    """That many trips, the same for the same seed."""
    chance = random.Random(seed)
    kinds = [kind for kind, (share, _) in KINDS.items() for _ in range(count * share // 100)]
    kinds += ["journey"] * (count - len(kinds))
    chance.shuffle(kinds)
    return [Trip(f"t{n:04}", kind, chance.randint(1, 25)) for n, kind in enumerate(kinds)]


async def _begin(ctx: TaskContext, trip: Trip) -> None:
    shop.WORLD.attempt(ctx, trip.id)
    await asyncio.sleep(trip.pace_ms / 1000)


@prices.task(read_only=True)
async def quote(ctx: TaskContext, trip: Trip) -> Decimal:
    await _begin(ctx, trip)
    return Decimal(360)


@flights.task
async def cancel_flight(ctx: TaskContext, trip: Trip, booking: Booking | None = None) -> None:
    await _begin(ctx, trip)
    shop.WORLD.reverse(ctx, trip.id, "flight")


@flights.task(undo=cancel_flight)
async def book_flight(ctx: TaskContext, trip: Trip) -> Booking:
    await _begin(ctx, trip)
    if trip.kind == "no flight":
        raise Fail("nobody flies there")
    if trip.kind == "airline fails twice" and ctx.attempt < 3:
        raise ConnectionError("the airline does not answer")
    shop.WORLD.do(ctx, trip.id, "flight")
    return Booking(f"F-{trip.id}")


@hotels.task
async def cancel_room(ctx: TaskContext, trip: Trip, booking: Booking | None = None) -> None:
    await _begin(ctx, trip)
    shop.WORLD.reverse(ctx, trip.id, "room")


@hotels.task(undo=cancel_room)
async def book_room(ctx: TaskContext, trip: Trip) -> Booking:
    await _begin(ctx, trip)
    if trip.kind == "no room":
        raise Fail("all rooms are taken")
    shop.WORLD.do(ctx, trip.id, "room")
    return Booking(f"H-{trip.id}")


@cars.task
async def return_car(ctx: TaskContext, trip: Trip, booking: Booking | None = None) -> None:
    await _begin(ctx, trip)
    shop.WORLD.reverse(ctx, trip.id, "car")


@cars.task(undo=return_car)
async def reserve_car(ctx: TaskContext, trip: Trip) -> Booking:
    await _begin(ctx, trip)
    shop.WORLD.do(ctx, trip.id, "car")
    if trip.kind == "car booked, answer lost" and ctx.attempt == 1:
        raise ConnectionError("the answer was lost")
    return Booking(f"C-{trip.id}")


@workflow
async def journey(trip: Trip) -> Itinerary:
    """Ask the price, think it over, book the flight, then a room and a car side by side."""
    price = await quote(trip)
    await sleep(PAUSE)
    flight = await book_flight(trip)
    room, car = await gather(book_room(trip), reserve_car(trip))
    return Itinerary(flight=flight.code, room=room.code, car=car.code, price=price)


SERVICES = (prices, flights, hotels, cars)
