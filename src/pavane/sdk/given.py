"""An event as somebody outside gives it: by its class or by name, and its plain form in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.errors import InputError, UsageError
from pavane.participant.emitting import CORRELATION, ORDER_KEY
from pavane.sdk.contract import encode

if TYPE_CHECKING:
    from pavane.sdk.event import Event

OUTSIDE: Final = "outside"
"""The source of an event that names none."""

Text = Annotated[str, msgspec.Meta(max_length=500)]


def empty_object() -> msgspec.Raw:
    """The default of the data (as a function, so that a JSON schema can be made of the shape)."""
    return msgspec.Raw(b"{}")


class GivenEvent(
    msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """An event in its plain form. `data` is an object. Order matters within a `key`, by default

    the correlation; that is by default the event's `id`, and the id a new one.
    """

    type: Text
    data: msgspec.Raw = msgspec.field(default_factory=empty_object)
    id: Text = ""
    key: Text = ""
    correlation_id: Text = ""
    source: Text = ""

    def event(self) -> CloudEvent:
        """As a CloudEvent, whose id may be missing yet."""
        found = {ORDER_KEY: self.key, CORRELATION: self.correlation_id}
        return CloudEvent(
            id=self.id,
            source=self.source or OUTSIDE,
            type=self.type,
            attributes={name: value for name, value in found.items() if value},
            data=bytes(self.data),
        )


def given_event(
    event: Event | str, data: object, *, id: str, key: str, correlation_id: str, source: str
) -> GivenEvent:
    """By an instance of its class, or by the name of its type with data. InputError, UsageError."""
    if isinstance(event, str):
        type, body = event, _encoded(event, data)
    else:
        type, body, own_key = _typed(event)
        key = key or own_key
        if data is not None:
            raise UsageError(
                f"{type} is given with its fields, and with data beside them.",
                "Give the data to an event that you name as text.",
            )
    return GivenEvent(type, msgspec.Raw(body), id, key, correlation_id, source)


def _encoded(type: str, data: object) -> bytes:
    try:
        return encode({} if data is None else data)
    except (TypeError, ValueError, NotImplementedError, RecursionError) as error:
        raise InputError(
            f"The data of {type} cannot be written as JSON: {error}.",
            "Give a dict of plain values.",
        ) from error


def _typed(event: object) -> tuple[str, bytes, str]:
    from pavane.sdk.event import Event, emission

    if not isinstance(event, Event):
        name = type(event).__name__
        raise UsageError(
            f"{name} is no event.", "Give an instance of an Event type, or a type's name and data."
        )
    out = emission(event)
    return out.event.type, out.event.data, out.key
