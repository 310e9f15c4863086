"""Events as messages of Kafka: CloudEvents in binary mode; structured ones are read as well."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pavane.core.model.cloudevent_layouts import read_ordinary
from pavane.core.model.cloudevents import (
    CONTENT_TYPE,
    KAFKA_PREFIX,
    STRUCTURED,
    from_attributes,
    from_json,
    mode_of,
    to_headers,
    to_json,
)
from pavane.core.model.event import CloudEvent
from pavane.errors import InputError

if TYPE_CHECKING:
    from confluent_kafka import Message

    Headers = Sequence[tuple[str, str | bytes | None]]

UNREADABLE: Final = "pavane.unreadable.v1"
"""The type of an event that holds the bytes of a message which is none."""
_BYTES: Final = "application/octet-stream"
_BEHIND: Final = len(KAFKA_PREFIX)


class Encoded(NamedTuple):
    """A message's headers and its value."""

    headers: dict[str, str | bytes | None]
    value: bytes


def encode(event: CloudEvent) -> Encoded:
    """The event as it travels.

    One that may not, with a line break in its key, say, goes as it is: it may hold up nobody here,
    and who gets it sees why it is no event.
    """
    try:
        if mode_of(event.datacontenttype) != "binary":  # it would pass for its own data
            return Encoded({CONTENT_TYPE: STRUCTURED}, to_json(event))
        return Encoded(to_headers(event, KAFKA_PREFIX), event.data)  # pyright: ignore[reportArgumentType]  # text is all it has
    except InputError:
        names = ("id", "source", "type", "subject", "dataschema")
        texts = {name: str(getattr(event, name)) for name in names} | event.attributes
        headers: dict[str, str | bytes | None] = {
            KAFKA_PREFIX + name: text.encode("utf-8", "surrogatepass")
            for name, text in {"specversion": "1.0", **texts}.items()
            if text
        }
        return Encoded({**headers, CONTENT_TYPE: event.datacontenttype}, event.data)


def decode(message: Message) -> tuple[CloudEvent, str]:
    """The event in a message, and "" ; or one that holds its bytes, and why it is no event."""
    headers: Headers = message.headers() or ()  # pyright: ignore[reportAssignmentType]  # read ones come as a list
    value = message.value() or b""
    if headers:
        names, values = zip(*headers, strict=True)
        if (event := read_ordinary(names, values, KAFKA_PREFIX, value)) is not None:
            return event, ""
    try:
        return _read(headers, value), ""
    except (InputError, UnicodeDecodeError) as error:
        return _kept(message, headers, value), f"It is no CloudEvent. {error}"


def _read(headers: Headers, value: bytes) -> CloudEvent:
    attributes: dict[str, str] = {}
    content_type = ""
    for name, each in headers:
        if name.startswith(KAFKA_PREFIX):
            bare = name[_BEHIND:]
            if bare in attributes:
                raise InputError(f"The header `{name}` is given twice.", "Send each header once.")
            attributes[bare] = each.decode() if isinstance(each, bytes) else each or ""
        elif name.lower() == CONTENT_TYPE:
            content_type = each.decode().strip() if isinstance(each, bytes) else each or ""
    mode = mode_of(content_type)
    if mode == "structured":
        return from_json(value)
    if mode == "batch":
        raise InputError("It is a batch.", "Send each event as a message of its own.")
    return from_attributes(attributes, content_type, value)


def _kept(message: Message, headers: Headers, value: bytes) -> CloudEvent:
    """Where it stands is its id: delivered again it is the same."""
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    raw = [[name, _text(each)] for name, each in headers]
    attributes = {"kafkaheaders": msgspec.json.encode(raw).decode()} if raw else {}
    if key := message.key():
        attributes["kafkakey"] = base64.b64encode(key).decode()
    _, time = message.timestamp()
    return CloudEvent(
        id=f"kafka:{place}",
        source=f"kafka:{message.topic()}",
        type=UNREADABLE,
        time=max(time, 0),
        datacontenttype=_BYTES,
        attributes=attributes,
        data=value,
    )


def _text(value: str | bytes | None) -> str | None:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
