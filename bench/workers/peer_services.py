"""Restate's side: the order as a service that calls three others, served by its fastest host.

granian --http 2 --interface asgi bench.workers.peer_services:app
"""

from __future__ import annotations

import importlib
from typing import Any

# By name, so that those who check types need not install the peer.
restate: Any = importlib.import_module("restate")

inventory, payment, shipping = (restate.Service(n) for n in ("inventory", "payment", "shipping"))
orders = restate.Service("orders")


@inventory.handler()
async def reserve_stock(_context: Any, order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"R-{order['id']}", "total": 12 * order["quantity"]}


@payment.handler()
async def charge_card(_context: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"P-{given['order']['id']}-{given['total']}"}


@shipping.handler()
async def ship(_context: Any, order: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"S-{order['id']}"}


@orders.handler()
async def fulfil_order(context: Any, order: dict[str, Any]) -> dict[str, Any]:
    reserved = await context.service_call(reserve_stock, arg=order)
    charge = {"order": order, "total": reserved["total"]}
    paid = await context.service_call(charge_card, arg=charge)
    parcel = await context.service_call(ship, arg=order)
    return {"parcel": parcel["id"], "payment": paid["id"]}


app = restate.app([orders, inventory, payment, shipping])
