"""A shop whose services only know events: each reacts to some, and tells what it did."""

from __future__ import annotations

from decimal import Decimal

from pavane.errors import Fail
from pavane.sdk.event import Event
from pavane.sdk.service import Service


class OrderCreated(Event, type="shop.order.created.v1"):
    order_id: str
    total: Decimal


class PaymentProcessed(Event, type="shop.payment.processed.v1"):
    order_id: str


class PaymentFailed(Event, type="shop.payment.failed.v1"):
    order_id: str


class ParcelSent(Event, type="shop.parcel.sent.v1"):
    order_id: str


class Shop:
    """Three services of handlers, and what they did."""

    def __init__(self) -> None:
        self.payment, self.shipping = Service("payment"), Service("shipping")
        self.mail = Service("mail")
        self.done: list[str] = []
        self.down = 0  # how often no carrier answers yet
        self.no_address: set[str] = set()
        self._offer()

    def _offer(self) -> None:
        @self.payment.on(OrderCreated)
        async def take_payment(event: OrderCreated) -> PaymentProcessed | PaymentFailed:
            if event.total > 1000:
                return PaymentFailed(order_id=event.order_id)
            self.done.append(f"pay {event.order_id}")
            return PaymentProcessed(order_id=event.order_id)

        @self.shipping.on(PaymentProcessed)
        async def ship(event: PaymentProcessed) -> ParcelSent:
            if self.down:
                self.down -= 1
                raise ConnectionError("no carrier answers")
            self.done.append(f"ship {event.order_id}")
            return ParcelSent(order_id=event.order_id)

        @self.mail.on(ParcelSent, PaymentFailed)
        async def write(event: ParcelSent | PaymentFailed) -> None:
            if event.order_id in self.no_address:
                raise Fail("no address")
            self.done.append(f"mail {event.order_id} {type(event).__name__}")

    @property
    def services(self) -> list[Service]:
        return [self.payment, self.shipping, self.mail]
