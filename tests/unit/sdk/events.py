"""Events of a shop, and calls of its handlers, for the tests of both."""

from __future__ import annotations

from typing import Any

from pavane.core.model.event import Outgoing
from pavane.ports.handlers import Facts, Handled
from pavane.sdk.event import Event, outgoing
from pavane.sdk.handlers import ServiceHandlers
from pavane.sdk.service import Service
from pavane.testing.simulation.loop import run


class Ordered(Event, type="shop.order.created.v1"):
    order: str


class Changed(Event, type="shop.order.changed.v1"):
    order: str


class Paid(Event, type="shop.payment.processed.v1", key="order"):
    order: str


class Declined(Event, type="shop.payment.failed.v1"):
    order: str


class Told(Event, type="shop.mail.sent.v1"):
    pass


class Elsewhere(Event, type="shop.order.created.v1", abstract=False):
    """Another class for the type, as if of another module."""

    order: str = ""

    __module__ = "tests.elsewhere"


def message(event: Event) -> Outgoing:
    return outgoing(event, id="m-1", source="test", correlation="flow", causation="m-0")


def facts(event: Event, **changes: Any) -> Facts:
    sent = message(event).event
    return Facts(sent, "flow", "m-0", f"{sent.id}/handler", **changes)


async def call(service: Service, event: Event | None = None) -> Handled:
    handlers = ServiceHandlers(service)
    given = facts(event or Ordered(order="A"))
    listeners = handlers.listening(given.event.type)
    return await handlers.call(listeners[0], given)


def ended(service: Service, event: Event | None = None) -> tuple[str, list[str], str]:
    """The ending, the types of what was emitted, and the reason."""
    handled = run(call(service, event))
    return handled.ending, [out.event.type for out in handled.emitted], handled.reason
