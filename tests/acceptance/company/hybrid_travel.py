"""The campaign's journey, half and half: a conductor sees to the flight, dancers to the rest."""

from pavane import gather, scope, sleep, workflow
from tests.acceptance.campaign.travel import (
    PAUSE,
    Itinerary,
    Trip,
    book_flight,
    book_room,
    quote,
    reserve_car,
)


@workflow
async def journey(trip: Trip) -> Itinerary:
    """As in the campaign's travels; the last part is a scope that needs no conductor."""
    price = await quote(trip)
    await sleep(PAUSE)
    flight = await book_flight(trip)
    async with scope("stay", style="choreographed"):
        room, car = await gather(book_room(trip), reserve_car(trip))
    return Itinerary(flight=flight.code, room=room.code, car=car.code, price=price)
