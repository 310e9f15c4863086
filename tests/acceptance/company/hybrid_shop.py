"""The campaign's order, half and half: a conductor sees to the money, dancers to the delivery."""

from pavane import Fail, gather, scope, workflow
from tests.acceptance.campaign.shop import (
    Order,
    Receipt,
    charge_card,
    reserve_stock,
    send_invoice,
    ship,
)


@workflow
async def fulfil(order: Order) -> Receipt:
    """As in the campaign's shop; the last part is a scope that needs no conductor."""
    reserved = await reserve_stock(order)
    paid = await charge_card(order, reserved.total)
    if paid.status == "declined":
        raise Fail("card declined")
    async with scope("delivery", style="choreographed"):
        parcel, invoice = await gather(ship(order), send_invoice(order, paid))
    return Receipt(parcel=parcel.id, invoice=invoice.number)
