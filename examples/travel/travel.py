"""A journey: flight, hotel and car are booked side by side, all of them or none."""

from dataclasses import dataclass
from decimal import Decimal

from pavane import Fail, Service, gather, person, workflow

prices, flights = Service("prices"), Service("flights")
hotels, cars = Service("hotels"), Service("cars")


@dataclass(frozen=True)
class Trip:
    id: str
    traveller: str
    place: str
    nights: int
    limit: Decimal  # what may be spent without asking anybody


@dataclass(frozen=True)
class Booking:
    code: str


@dataclass(frozen=True)
class Approval:
    approved: bool
    by: str


@dataclass(frozen=True)
class Itinerary:
    flight: str
    hotel: str
    car: str
    total: Decimal


# --- prices -------------------------------------------------------------------------------------

PER_NIGHT = {"Bruges": Decimal(140), "Mantua": Decimal(110), "Uppsala": Decimal(185)}
FLIGHT = Decimal(220)


@prices.task(read_only=True)
async def quote(trip: Trip) -> Decimal:
    """What the whole journey costs today. It may cost something else tomorrow."""
    if trip.place not in PER_NIGHT:
        raise Fail(f"nobody goes to {trip.place}")
    return FLIGHT + PER_NIGHT[trip.place] * trip.nights


# --- bookings -----------------------------------------------------------------------------------


@flights.task
async def cancel_flight(trip: Trip, booking: Booking | None) -> None:
    """Give the seat back. `None`: nobody knows whether it was booked, so ask by the trip's id."""


@flights.task(undo=cancel_flight)
async def book_flight(trip: Trip) -> Booking:
    return Booking(f"F-{trip.id}")


@hotels.task
async def cancel_room(trip: Trip, booking: Booking | None) -> None:
    """Give the room back."""


FULL = {"Uppsala"}


@hotels.task(undo=cancel_room)
async def book_room(trip: Trip) -> Booking:
    if trip.place in FULL:
        raise Fail(f"no room in {trip.place}")
    return Booking(f"H-{trip.id}")


@cars.task
async def return_car(trip: Trip, booking: Booking | None) -> None:
    """Give the car back."""


@cars.task(undo=return_car)
def reserve_car(trip: Trip) -> Booking:
    return Booking(f"C-{trip.id}")


# --- the process --------------------------------------------------------------------------------


@workflow
async def book_trip(trip: Trip) -> Itinerary:
    """Ask where it is dear, then book everything; what one of them refuses, the others undo."""
    price = await quote(trip)
    if price > trip.limit:
        answer = await person(
            "approve", to="travel-desk", deadline="2d", result=Approval, trip=trip, price=price
        )
        if answer is None or not answer.approved:
            raise Fail(f"{price} for {trip.place} was not approved")
        today = await quote(trip)
        if today > price:
            raise Fail(f"the price changed from {price} to {today}")
    flight, room, car = await gather(book_flight(trip), book_room(trip), reserve_car(trip))
    return Itinerary(flight=flight.code, hotel=room.code, car=car.code, total=price)
