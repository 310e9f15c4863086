"""The same journey, half and half: a conductor sees to the approval, dancers to the bookings."""

from travel import (
    Approval,
    Itinerary,
    Trip,
    book_flight,
    book_room,
    cars,
    flights,
    hotels,
    prices,
    quote,
    reserve_car,
)

from pavane import Fail, gather, person, scope, workflow

__all__ = ["book_trip", "cars", "flights", "hotels", "prices"]


@workflow
async def book_trip(trip: Trip) -> Itinerary:
    """As in travel.py; the bookings are a scope that needs no conductor."""
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
    async with scope("bookings", style="choreographed"):
        flight, room, car = await gather(book_flight(trip), book_room(trip), reserve_car(trip))
    return Itinerary(flight=flight.code, hotel=room.code, car=car.code, total=price)
