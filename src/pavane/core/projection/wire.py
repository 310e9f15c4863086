"""A message between roles as a CloudEvent: coordinates are attributes, data is data.

The attributes are what routing, tracing and people need, and cost about three hundred bytes; the
data holds only what the receiver reads. Nothing in either grows with the length of the run.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.core.projection.message import At, Message, Reported, message_id
from pavane.errors import InputError

TYPE = "pavane.{}.v1"


class Envelope(msgspec.Struct, frozen=True):
    """A message with what it belongs to: the execution, its workflow and the content hash."""

    execution: str
    workflow: str
    definition: str
    message: Message


class _Body(msgspec.Struct, omit_defaults=True):
    values: list[tuple[str, At, msgspec.Raw]] = []
    report: list[Reported] = []
    count: int = 0
    something: bool = False
    cause: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(_Body).decode

_TEXTS = {
    "procto": "to",
    "procfrom": "sender",
    "procscope": "scope",
    "procstep": "node",
    "procsource": "source",
    "procoutcome": "outcome",
}
_PLACES = {"procepoch": "generation", "prociter": "at", "procsourceiter": "source_at"}


def to_event(envelope: Envelope, *, causation: str = "", time: int = 0) -> CloudEvent:
    """The event that carries a message; its id is the message's, whenever it is made."""
    message = envelope.message
    attributes = {
        "procname": envelope.workflow,
        "procversion": envelope.definition,
        "procinstance": envelope.execution,
        "prockind": message.kind,
        "correlationid": envelope.execution,
    }
    if causation:
        attributes["causationid"] = causation
    for name, field in _TEXTS.items():
        if text := getattr(message, field):
            attributes[name] = text
    for name, field in _PLACES.items():
        if place := getattr(message, field):
            attributes[name] = ".".join(map(str, place))
    body = _Body(
        values=[(name, at, msgspec.Raw(value)) for name, at, value in message.values],
        report=list(message.report),
        count=message.count,
        something=message.something,
        cause=message.cause,
        reason=message.reason,
    )
    return CloudEvent(
        id=message_id(envelope.execution, message),
        source=message.sender or "pavane",
        type=TYPE.format(message.kind),
        time=time,
        attributes=attributes,
        data=msgspec.json.encode(body),
    )


def from_event(event: CloudEvent) -> Envelope:
    """The message that an event carries. InputError names what cannot be read."""
    given = event.attributes
    for name in ("procname", "procversion", "procinstance", "prockind", "procto"):
        if name not in given:
            raise InputError(f"The event {event.id} has no attribute {name!r}.", "Quarantine it.")
    try:
        body = _decode(event.data or b"{}")
        fields: dict[str, Any] = {f: given.get(name, "") for name, f in _TEXTS.items()}
        for name, field in _PLACES.items():
            text = given.get(name, "")
            fields[field] = tuple(map(int, text.split("."))) if text else ()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InputError(
            f"The event {event.id} cannot be read: {error}.", "Quarantine it."
        ) from error
    message = Message(
        kind=given["prockind"],
        values=tuple((name, at, bytes(value)) for name, at, value in body.values),
        report=tuple(body.report),
        count=body.count,
        something=body.something,
        cause=body.cause,
        reason=body.reason,
        **fields,
    )
    return Envelope(given["procinstance"], given["procname"], given["procversion"], message)
