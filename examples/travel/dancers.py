"""The same journey without any workflow: each service hears events and tells its own.

What a workflow does for you is written out here: who asks, who collects, who remembers that a
journey was given up, and who cancels what.
"""

import sqlite3
from decimal import Decimal

from travel import FULL, Trip, quote

from pavane import Event, Fail, Service


class TripAsked(Event, type="travel.trip.asked.v1"):
    trip: Trip


class TripPriced(Event, type="travel.trip.priced.v1"):
    trip: Trip
    price: Decimal


class ApprovalAsked(Event, type="travel.approval.asked.v1"):
    trip: Trip
    price: Decimal


class ApprovalGiven(Event, type="travel.approval.given.v1"):
    """What somebody at the travel desk says. Nobody here notices if nobody says anything."""

    trip: Trip
    price: Decimal
    approved: bool


class TripApproved(Event, type="travel.trip.approved.v1"):
    trip: Trip


class TripRefused(Event, type="travel.trip.refused.v1"):
    trip_id: str
    why: str


class PartBooked(Event, type="travel.part.booked.v1"):
    trip_id: str
    code: str


class PartCancelled(Event, type="travel.part.cancelled.v1"):
    trip_id: str
    code: str


class TripBooked(Event, type="travel.trip.booked.v1"):
    trip_id: str
    codes: list[str]


prices, desk, trips = Service("prices"), Service("desk"), Service("trips")
flights, hotels, cars = Service("flights"), Service("hotels"), Service("cars")


# --- prices, and the travel desk ----------------------------------------------------------------


@prices.on(TripAsked)
async def price_trip(event: TripAsked) -> TripPriced | TripRefused:
    try:
        return TripPriced(trip=event.trip, price=await quote(event.trip))
    except Fail as nowhere:
        return TripRefused(trip_id=event.trip.id, why=str(nowhere))


@desk.on(TripPriced)
async def decide(event: TripPriced) -> TripApproved | ApprovalAsked:
    if event.price <= event.trip.limit:
        return TripApproved(trip=event.trip)
    return ApprovalAsked(trip=event.trip, price=event.price)


@desk.on(ApprovalGiven)
async def hear_answer(event: ApprovalGiven) -> TripApproved | TripRefused:
    """An answer is good for the price that was asked about."""
    trip, price = event.trip, event.price
    if not event.approved:
        return TripRefused(trip_id=trip.id, why=f"{price} for {trip.place} was not approved")
    today = await quote(trip)
    if today > price:
        return TripRefused(trip_id=trip.id, why=f"the price changed from {price} to {today}")
    return TripApproved(trip=trip)


# --- flights, hotels, cars ----------------------------------------------------------------------


class Bookings:
    """A service's own table. Whatever is done twice comes to the same, and says the same."""

    def __init__(self, letter: str, path: str = ":memory:") -> None:
        self._letter = letter
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS booking (trip TEXT PRIMARY KEY, code TEXT, gone INTEGER)"
        )

    def book(self, trip: Trip) -> PartBooked | None:
        """Book, unless the journey was given up: events may be heard in any order."""
        code = f"{self._letter}-{trip.id}"
        self._db.execute("INSERT OR IGNORE INTO booking VALUES (?, ?, 0)", (trip.id, code))
        code, gone = self._row(trip.id)
        return None if gone else PartBooked(trip_id=trip.id, code=code)

    def cancel(self, trip_id: str) -> PartCancelled | None:
        """Cancel what was booked, and book nothing for this journey any more."""
        self._db.execute("INSERT OR IGNORE INTO booking VALUES (?, '', 1)", (trip_id,))
        self._db.execute("UPDATE booking SET gone = 1 WHERE trip = ?", (trip_id,))
        code, _ = self._row(trip_id)
        return PartCancelled(trip_id=trip_id, code=code) if code else None

    def _row(self, trip_id: str) -> tuple[str, int]:
        found = self._db.execute("SELECT code, gone FROM booking WHERE trip = ?", (trip_id,))
        return found.fetchone()


seats, rooms, wheels = Bookings("F"), Bookings("H"), Bookings("C")


@flights.on(TripApproved)
async def book_flight(event: TripApproved) -> PartBooked | None:
    return seats.book(event.trip)


@flights.on(TripRefused)
async def cancel_flight(event: TripRefused) -> PartCancelled | None:
    return seats.cancel(event.trip_id)


@hotels.on(TripApproved)
async def book_room(event: TripApproved) -> PartBooked | TripRefused | None:
    if event.trip.place in FULL:
        return TripRefused(trip_id=event.trip.id, why=f"no room in {event.trip.place}")
    return rooms.book(event.trip)


@hotels.on(TripRefused)
async def cancel_room(event: TripRefused) -> PartCancelled | None:
    return rooms.cancel(event.trip_id)


@cars.on(TripApproved)
async def reserve_car(event: TripApproved) -> PartBooked | None:
    return wheels.book(event.trip)


@cars.on(TripRefused)
async def return_car(event: TripRefused) -> PartCancelled | None:
    return wheels.cancel(event.trip_id)


# --- who collects -------------------------------------------------------------------------------

parts: dict[str, set[str]] = {}  # a real service keeps them in its database


@trips.on(PartBooked)
async def collect(event: PartBooked) -> TripBooked | None:
    """Three parts make a journey."""
    codes = parts.setdefault(event.trip_id, set())
    codes.add(event.code)
    return TripBooked(trip_id=event.trip_id, codes=sorted(codes)) if len(codes) == 3 else None
