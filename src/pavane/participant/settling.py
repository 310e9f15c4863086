"""Asks to take back or to give up what a service has set aside, as messages to that service.

They wait on the bus until the service is there, and name the time at which the message was set
aside: asked twice, or delivered twice, they have one effect.
"""

from __future__ import annotations

import uuid
from typing import Final, Literal

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.bus import Bus, role_topic
from pavane.ports.clock import Clock

TYPE: Final = "pavane.aside.settle.v1"
_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a14")

Action = Literal["redrive", "discard"]


class Settle(msgspec.Struct, frozen=True):
    """What shall become of a message; `since` is when it was set aside (ms)."""

    action: Action
    id: str  # in the service's ledger
    since: int
    reason: str = ""


_decode = msgspec.json.Decoder(Settle).decode


def settle_event(service: str, settle: Settle, now: int) -> Outgoing:
    """The ask; the same ask is the same event."""
    name = f"{service}\0{settle.action}\0{settle.id}\0{settle.since}"
    event = CloudEvent(
        id=str(uuid.uuid5(_SPACE, name)),
        source="pavane",
        type=TYPE,
        time=now,
        data=msgspec.json.encode(settle),
    )
    return Outgoing(role_topic(service), "", event)


def read_settle(event: CloudEvent) -> Settle | None:
    """The ask that an event is, if it is one."""
    if event.type != TYPE:
        return None
    try:
        return _decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def ask_to_settle(bus: Bus, clock: Clock, service: str, settle: Settle) -> None:
    """Durably asked; ConnectionFailedError: nobody was."""
    await bus.publish([settle_event(service, settle, clock.now())])
