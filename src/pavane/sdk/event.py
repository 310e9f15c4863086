"""Event types: what happened, as a typed class with a name that services agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar, cast, dataclass_transform

import msgspec

from pavane.core.model.event import JSON, CloudEvent, Outgoing, fault_in_type, topic_of_type
from pavane.errors import DefinitionError, InputError, TooLargeError
from pavane.participant.emitting import stamped
from pavane.sdk.contract import MAX_OUTPUT_BYTES, decoder_of, describe, encode

_EXAMPLE: Final = (
    "Write it as domain.thing.what_happened.version, for example shop.order.created.v1."
)

_TAKEN: dict[tuple[str, str, str], str] = {}
"""Which class has a type, by the place where it is defined (module, enclosing scope) and the type.

Two places may have a class each for one type: services that are deployed apart each declare what
they read of it. Within a place it is a slip of the pen; within a service, `Handlers` refuses it.
"""


class _EventMeta(msgspec.StructMeta):
    """Reads the class keywords, and makes every event frozen, with fields by keyword."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        type: str | None = None,
        key: str = "",
        abstract: bool = False,
        **options: Any,
    ) -> _EventMeta:
        """Make the class; DefinitionError where its type or its key is not right."""
        made = super().__new__(mcls, name, bases, namespace, frozen=True, kw_only=True, **options)
        place = f"{made.__module__}.{made.__qualname__}"
        if abstract:
            type = key = ""
        else:
            type = _checked_type(type, place)
            _claim(type, made)
        if key and key not in made.__struct_fields__:
            raise DefinitionError(
                f"{place}: key={key!r} is no field of it.",
                f"Its fields are: {', '.join(made.__struct_fields__) or 'none'}.",
            )
        event = cast("Any", made)
        event.__event_type__, event.__event_key__, event.__event_decode__ = type, key, None
        event.__event_topic__ = topic_of_type(type) if type else ""
        return made


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Event(msgspec.Struct, metaclass=_EventMeta, abstract=True):
    """Something that happened: `class OrderCreated(Event, type="shop.order.created.v1")`.

    Fields are annotated and given by keyword; events do not change. `type` names it for everybody,
    its last part is the version; it travels on the topic of its thing, here `shop.order.v1`. `key`
    names the field within whose values order matters; without it that is the correlation. Fields
    that a reader does not know are ignored, so that a writer may add some. A class with
    `abstract=True` has no type: others derive from it.
    """

    __event_type__: ClassVar[str]
    __event_topic__: ClassVar[str]
    __event_key__: ClassVar[str]
    __event_decode__: ClassVar[Callable[[bytes], Any] | None]


E = TypeVar("E", bound=Event)


def type_of(kind: type[Event]) -> str:
    """The name of an event type; DefinitionError for an abstract one."""
    if not kind.__event_type__:
        raise DefinitionError(
            f"{kind.__qualname__} is abstract: it has no type of its own.",
            "Use the events that derive from it.",
        )
    return kind.__event_type__


def topic_of(kind: type[Event]) -> str:
    """The topic on which the events travel: the type without what happened."""
    type_of(kind)  # an abstract one is refused
    return kind.__event_topic__


def read_event(kind: type[E], event: CloudEvent) -> E:
    """The typed event; InputError names the field that does not fit."""
    type, content = type_of(kind), event.datacontenttype
    if content != JSON and content.partition(";")[0].strip().lower() not in ("", JSON):
        raise InputError(f"{type}: its data is {content}, not {JSON}.")
    try:
        return decoder(kind)(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{type}: {describe(error, 'its data')}.") from error
    except RecursionError as error:
        raise TooLargeError(f"{type}: its data is nested too deeply.") from error


def emission(event: Event) -> Outgoing:
    """The event on its way out, but for what its circumstances say: id, source, correlation.

    InputError where a field does not hold what its annotation promises.
    """
    kind = type(event)
    name = type_of(kind)
    data = _encoded(name, event)
    try:
        decoder(kind)(data)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {describe(error, '')}.") from error
    bare = CloudEvent(id="", source="", type=name, data=data)
    return Outgoing(topic_of(kind), _key_of(event), bare)


def outgoing(
    event: Event,
    *,
    id: str,
    source: str,
    correlation: str = "",
    causation: str = "",
    time: int = 0,
) -> Outgoing:
    """An event for `Bus.publish`, from outside any handler.

    `id` must never be used again. An event that nothing caused begins a correlation of its own.
    """
    return stamped(
        emission(event),
        id=id,
        source=source,
        correlation=correlation or id,
        causation=causation,
        time=time,
    )


def decoder(kind: type[E]) -> Callable[[bytes], E]:
    """The typed decode of an event type; DefinitionError where a field has no JSON form.

    Built when first needed, so that annotations may name what is defined further down.
    """
    if kind.__event_decode__ is None:
        kind.__event_decode__ = decoder_of(kind, kind.__qualname__)
    return kind.__event_decode__


def _encoded(name: str, event: Event) -> bytes:
    try:
        data = encode(event)
    except RecursionError as error:
        raise TooLargeError(f"{name} is nested too deeply, or contains itself.") from error
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InputError(f"{name} cannot be written as JSON: {error}.") from error
    if len(data) > MAX_OUTPUT_BYTES:
        raise TooLargeError(
            f"{name} has {len(data)} bytes, more than {MAX_OUTPUT_BYTES}.",
            "Keep the data elsewhere and send a reference to it.",
        )
    return data


def _key_of(event: Event) -> str:
    name = event.__event_key__
    value = msgspec.to_builtins(getattr(event, name)) if name else None
    return "" if value is None else str(value)


def _checked_type(type: str | None, place: str) -> str:
    if type is None:
        raise DefinitionError(
            f"{place} has no type.",
            'Give it one: class …(Event, type="shop.order.created.v1"), or abstract=True where '
            "only others derive from it.",
        )
    wrong = fault_in_type(type)
    if wrong:
        raise DefinitionError(f"{place}: type={type!r} {wrong}.", _EXAMPLE)
    return type


def _claim(type: str, made: type) -> None:
    scope, _, name = made.__qualname__.rpartition(".")
    other = _TAKEN.setdefault((made.__module__, scope, type), name)
    if other != name:
        raise DefinitionError(
            f"{made.__module__}: {other} and {name} have the same type {type!r}.",
            "Give each event a type of its own.",
        )
