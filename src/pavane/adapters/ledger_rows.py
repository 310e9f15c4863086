"""The structs of a ledger as columns, and back: the same for every database that keeps them."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.ledger import Aside, Record, Todo
from pavane.ports.results import Result

_encode_attributes = msgspec.json.Encoder().encode
_decode_attributes = msgspec.json.Decoder(dict[str, str]).decode


def event_values(event: CloudEvent) -> tuple[object, ...]:
    """An event as columns; the attributes as text, for people with a shell."""
    return (
        event.id,
        event.source,
        event.type,
        event.subject,
        event.time,
        event.datacontenttype,
        event.dataschema,
        _encode_attributes(event.attributes).decode() if event.attributes else "",
        event.data,
    )


def event_of(row: tuple[Any, ...]) -> CloudEvent:
    """An event from its columns."""
    id, source, type, subject, time, content_type, schema, attributes, data = row
    extensions = _decode_attributes(attributes) if attributes else {}
    return CloudEvent(id, source, type, subject, time, content_type, schema, extensions, data)


def record_values(out: Outgoing, at: int) -> tuple[object, ...]:
    """A record as columns of the log."""
    return (at, out.topic, out.key, *event_values(out.event))


def record_of(row: tuple[Any, ...]) -> Record:
    """A record from a row of the log."""
    return Record(row[0], Outgoing(row[1], row[2], event_of(row[3:])))


def aside_values(aside: Aside) -> tuple[object, ...]:
    """What is set aside as columns."""
    fixed = (aside.id, aside.kind, aside.execution, aside.reason, aside.at, aside.until)
    return (*fixed, *event_values(aside.event))


def aside_of(row: tuple[Any, ...]) -> Aside:
    """What was set aside from its row."""
    id, kind, execution, reason, at, until = row[:6]
    return Aside(id, kind, execution, reason, event_of(row[6:]), at, until)


def result_values(result: Result) -> tuple[object, ...]:
    """A result as columns."""
    return (result.key, result.output, result.at)


def todo_of(row: tuple[Any, ...]) -> Todo:
    """A todo from its row."""
    return Todo(*row)
