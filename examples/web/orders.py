"""What stands behind the web application: a service, an event, and a workflow that waits for it."""

from dataclasses import dataclass

from pavane import Event, Fail, Service, wait_for, workflow

warehouse = Service("warehouse")


@dataclass(frozen=True)
class Order:
    id: str
    item: str


@dataclass(frozen=True)
class Receipt:
    parcel: str
    payment: str


class OrderPaid(Event, type="shop.order.paid.v1"):
    order: str
    payment: str


@warehouse.task
async def put_back(order: Order, shelf: str | None) -> None:
    """Put back what was set aside."""


@warehouse.task(undo=put_back)
async def set_aside(order: Order) -> str:
    """Set the goods aside, and say where they are."""
    if order.item == "harpsichord":
        raise Fail("the harpsichord is sold out")
    return "A-7"


@warehouse.task(retries="forever", pivot=True)
async def ship(order: Order, shelf: str) -> str:
    """Hand the goods over: behind this there is no way back."""
    return f"S-{order.id}"


@workflow
async def sell(order: Order) -> Receipt:
    """Set the goods aside, wait for the money, ship."""
    shelf = await set_aside(order)
    paid = await wait_for(OrderPaid, where=lambda event: event.order == order.id, timeout="2d")
    if paid is None:
        raise Fail("nobody paid")  # the goods go back
    parcel = await ship(order, shelf)
    return Receipt(parcel=parcel, payment=paid.payment)
