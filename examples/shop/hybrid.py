"""The same order, half and half: a conductor sees to the money, dancers see to the delivery."""

from shop import (
    Order,
    Receipt,
    charge_card,
    inventory,
    notifications,
    payment,
    reserve_stock,
    send_invoice,
    ship,
    shipping,
)

from pavane import Fail, gather, scope, workflow

__all__ = ["fulfil_order", "inventory", "notifications", "payment", "shipping"]


@workflow
async def fulfil_order(order: Order) -> Receipt:
    """As in shop.py; the last part is a scope that needs no conductor."""
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "declined":
        raise Fail("card declined")
    async with scope("delivery", style="choreographed"):
        parcel, invoice = await gather(ship(order), send_invoice(order, paid))
    return Receipt(parcel=parcel.id, invoice=invoice.number)
