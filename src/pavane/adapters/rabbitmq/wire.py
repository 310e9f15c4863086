"""Events as messages of RabbitMQ: CloudEvents in binary mode; structured ones are read as well.

Attributes are headers that begin with `ce-`, as RabbitMQ's other users of CloudEvents write them;
the prefixes of the AMQP 1.0 binding (`cloudEvents:` and `cloudEvents_`) are read, too. What begins
with `pavane-` is between the processes of one bus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pamqp.commands import Basic

from pavane.adapters.rabbitmq.names import fitting_key
from pavane.core.model.cloudevents import (
    CONTENT_TYPE,
    HTTP_PREFIX,
    STRUCTURED,
    from_headers,
    from_json,
    mode_of,
    to_headers,
    to_json,
)
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.timestamps import format_time
from pavane.errors import InputError

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

PREFIX: Final = HTTP_PREFIX
UNREADABLE: Final = "pavane.unreadable.v1"
"""The type of an event that holds the bytes of a message which is none."""
MARK: Final = "pavane-mark"  # this is no event, but shows how far somebody has read
_PREFIXES: Final = (PREFIX, "cloudEvents:", "cloudEvents_")
_KEY: Final = "pavane-key"
_TIMES: Final = "pavane-times"  # how often it was delivered before it was given back
_LEFT: Final = "pavane-left"  # how many units of delay are left
_BROKERS: Final = ("x-death", "x-first-death-", "x-delivery-count", "x-stream-offset")
_BYTES: Final = "application/octet-stream"
_DURABLE: Final = 2


class Message(NamedTuple):
    """A message on its way out."""

    exchange: str
    routing_key: str
    properties: Basic.Properties
    body: bytes
    topic: str = ""


class Read(NamedTuple):
    """What is in a message: the event, why it is none, its key, how often it came, what is left."""

    event: CloudEvent
    fault: str
    key: str
    times: int
    left: int


def encode(out: Outgoing, exchange: str) -> Message:
    """The event as it travels. One that may not goes as it is: who gets it sees what is wrong."""
    event = out.event
    headers: Mapping[str, str]
    content_type, body = event.datacontenttype, event.data
    try:
        if mode_of(content_type) != "binary":  # it would pass for its own data
            headers, content_type, body = {}, STRUCTURED, to_json(event)
        else:
            headers = to_headers(event, PREFIX)
    except InputError:
        names = ("id", "source", "type", "subject", "dataschema")
        texts = {name: str(getattr(event, name)) for name in names} | event.attributes
        headers = {
            PREFIX + name: text.encode("utf-8", "replace").decode()
            for name, text in {"specversion": "1.0", **texts}.items()
            if text
        }
    sent: dict[str, Any] = {name: text for name, text in headers.items() if name != CONTENT_TYPE}
    key = fitting_key(out.key)
    if key != out.key:
        sent[_KEY] = out.key
    properties = Basic.Properties(
        content_type=content_type or None, headers=sent, delivery_mode=_DURABLE
    )
    return Message(exchange, key, properties, body, out.topic)


def again(message: DeliveredMessage, read: Read, left: int) -> tuple[Basic.Properties, bytes]:
    """A copy of a delivered message, to be delivered again: the same, with how often it came."""
    old = message.header.properties
    headers = {
        name: value for name, value in (old.headers or {}).items() if not name.startswith(_BROKERS)
    }
    headers |= {_KEY: read.key, _TIMES: read.times, _LEFT: left}
    properties = Basic.Properties(
        content_type=old.content_type,
        content_encoding=old.content_encoding,
        correlation_id=old.correlation_id,
        message_type=old.message_type,
        timestamp=old.timestamp,
        app_id=old.app_id,
        headers=headers,
        delivery_mode=_DURABLE,
    )
    return properties, message.body


def mark(nonce: str) -> Basic.Properties:
    """What a mark in a stream says."""
    return Basic.Properties(headers={MARK: nonce}, delivery_mode=_DURABLE)


def headers_of(message: DeliveredMessage) -> Mapping[str, Any]:
    """The headers of a message; none are no headers."""
    return message.header.properties.headers or {}


def decode(message: DeliveredMessage) -> Read:
    """What is in a message. Nothing that is in it raises."""
    headers = headers_of(message)
    times = 1 + _count(headers, _TIMES) + _count(headers, "x-delivery-count")
    left = _count(headers, _LEFT)
    key = _text(headers.get(_KEY, message.routing_key or ""))
    try:
        return Read(_read(message, headers), "", key, times, left)
    except (InputError, UnicodeDecodeError) as error:
        fault = f"It is no CloudEvent. {error}"
        return Read(_kept(message, headers), fault, key, times, left)


def _read(message: DeliveredMessage, headers: Mapping[str, Any]) -> CloudEvent:
    content_type = message.header.properties.content_type or ""
    mode = mode_of(content_type)
    if mode == "structured":
        return from_json(message.body)
    if mode == "batch":
        raise InputError("It is a batch.", "Send each event as a message of its own.")
    found: dict[str, str] = {}
    for name, value in headers.items():
        prefix = next((each for each in _PREFIXES if name.startswith(each)), None)
        if prefix is None or value is None:
            continue
        known = PREFIX + name.removeprefix(prefix)
        if known in found:
            raise InputError(f"The attribute `{known}` is given twice.", "Send it once.")
        found[known] = _text(value)
    if content_type:
        found[CONTENT_TYPE] = content_type
    return from_headers(found, message.body, PREFIX)


def _text(value: object) -> str:
    """A header's value in the canonical form of a CloudEvents attribute."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return format_time(int(aware.timestamp() * 1000))
    return str(value)


def _count(headers: Mapping[str, Any], name: str) -> int:
    value = headers.get(name, 0)
    return max(value, 0) if isinstance(value, int) else 0


def _kept(message: DeliveredMessage, headers: Mapping[str, Any]) -> CloudEvent:
    """The bytes of a message that is no event. Delivered again it has the same id."""
    own = {name: value for name, value in headers.items() if not name.startswith(_BROKERS)}
    own = {name: value for name, value in own.items() if not name.startswith("pavane-")}
    said = repr(sorted((name, str(value)) for name, value in own.items())).encode()
    id = hashlib.sha256(said + b"\0" + message.body).hexdigest()[:32]
    shown = said.decode("utf-8", "replace")
    return CloudEvent(
        id=f"rabbitmq:{id}",
        source="rabbitmq:",
        type=UNREADABLE,
        datacontenttype=_BYTES,
        attributes={"rabbitmqheaders": shown} if own else {},
        data=message.body,
    )
