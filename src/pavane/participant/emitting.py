"""Identity of what is emitted: ids, correlation and causation follow from what was consumed."""

from __future__ import annotations

import uuid
from typing import Final, Literal

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing, topic_of_type
from pavane.core.model.ids import named_id
from pavane.core.projection.local import Publish

CORRELATION: Final = "correlationid"
CAUSATION: Final = "causationid"
ORDER_KEY: Final = "partitionkey"

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a11").bytes


Status = Literal["received", "done", "retrying", "parked", "quarantined", "dead"]


def correlation_of(event: CloudEvent) -> str:
    """The flow that an event belongs to; one that names none begins its own."""
    return event.attributes.get(CORRELATION) or event.id


def order_key_of(event: CloudEvent, key: str = "") -> str:
    """Events with the same key wait for each other; `key` is what a message had beside it."""
    return event.attributes.get(ORDER_KEY) or key or correlation_of(event)


def inbox_id(message: str, handler: str) -> str:
    """Several handlers of one service may listen to one type: each has an inbox of its own."""
    return f"{message}/{handler}"


def emitted_id(consumed: str, handler: str, index: int) -> str:
    """The id of the `index`-th event that a handler emits: the same however often it runs."""
    return named_id(_SPACE, f"{consumed}\0{handler}\0{index}")


def stamped(
    bare: Outgoing, *, id: str, source: str, correlation: str, causation: str, time: int
) -> Outgoing:
    """The event with what its circumstances say about it. Its key is the correlation by default."""
    attributes = {**bare.event.attributes, CORRELATION: correlation}
    if causation:
        attributes[CAUSATION] = causation
    if bare.key and bare.key != correlation:
        attributes[ORDER_KEY] = bare.key
    event = msgspec.structs.replace(
        bare.event, id=id, source=source, time=time, attributes=attributes
    )
    return Outgoing(bare.topic, bare.key or correlation, event)


def from_outside(event: CloudEvent, now: int) -> Outgoing:
    """An event that nobody here has caused, as it goes on the bus: whole, and with a time.

    One that names no flow begins its own. Its type must be in order.
    """
    attributes = {**event.attributes, CORRELATION: correlation_of(event)}
    whole = msgspec.structs.replace(event, time=event.time or now, attributes=attributes)
    return Outgoing(topic_of_type(event.type), order_key_of(whole), whole)


def published(command: Publish, role: str, execution: str, causation: str, time: int) -> Outgoing:
    """What a step of a workflow tells of; it belongs to the flow of its execution."""
    bare = CloudEvent(id="", source="", type=command.type, data=command.data)
    return stamped(
        Outgoing(topic_of_type(command.type), "", bare),
        id=command.id,
        source=role,
        correlation=execution,
        causation=causation,
        time=time,
    )
