"""The service that is measured: it takes one event of 1 KB and answers each with another."""

from __future__ import annotations

import msgspec

from pavane.sdk.event import Event
from pavane.sdk.service import Service

EVENT_BYTES = 1024


class OrderPlaced(Event, type="bench.order.placed.v1"):
    order_id: str
    note: str


class OrderPaid(Event, type="bench.payment.made.v1"):
    order_id: str
    note: str


payment = Service("payment")


@payment.on(OrderPlaced)
async def take_payment(event: OrderPlaced) -> OrderPaid:
    return OrderPaid(order_id=event.order_id, note=event.note)


def placed(number: int) -> OrderPlaced:
    """An event whose JSON has EVENT_BYTES bytes."""
    bare = OrderPlaced(order_id=f"{number:08}", note="")
    note = "n" * (EVENT_BYTES - len(msgspec.json.encode(bare)))
    return OrderPlaced(order_id=bare.order_id, note=note)
