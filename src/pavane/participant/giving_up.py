"""What is lost with a message between roles that a person gives up, and whether it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import structs

from pavane.core.model.event import CloudEvent
from pavane.core.projection import message as m
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.local import DeadLetter
from pavane.core.projection.wire import TYPE, Envelope, from_event
from pavane.errors import ConflictError, InputError

ASKED: Final = frozenset({m.START, m.STOP, m.SIGNAL, m.RESOLVE})
"""What people and clients ask for: without it all stays as it is, and it can be asked for again."""


_BEFORE, _BEHIND = TYPE.split("{}")


class Loss(NamedTuple):
    """A step that never got its token: in its execution, that is its failure."""

    execution: str
    definition: str
    event: DeadLetter


def lost_with(event: CloudEvent, known: Mapping[str, Choreography]) -> Loss | None:
    """The step that fails with it; None where nothing waits for it, as far as can be told.

    `known` are the definitions that the role can play, by their hash. ConflictError says why it
    must stay: the execution could never end without it.
    """
    envelope = _addressed(event)
    if envelope is None or envelope.message.kind in ASKED:
        return None
    message, execution = envelope.message, envelope.execution
    choreography = known.get(envelope.definition)
    ensure_may_go(message.kind, execution, playable=choreography is not None)
    if choreography is None or message.node not in choreography.nodes:
        return None  # a token to nowhere
    return Loss(execution, envelope.definition, DeadLetter(message.node, message.at))


def ensure_may_go(kind: str, execution: str, *, playable: bool) -> None:
    """ConflictError where a message of this kind must stay. `playable`: its service knows the

    version of the workflow, so that its step can fail and the execution go back.
    """
    if kind in ASKED:
        return
    if kind != m.TOKEN:
        raise ConflictError(
            f"The execution {execution} cannot end without this message ({kind}).",
            "Redrive it once its service can take it in.",
        )
    if not playable:
        raise ConflictError(
            f"The execution {execution} could neither go on nor back without this token: its "
            "service does not know that version of the workflow.",
            "Start the service with that version: the execution goes on by itself, and can then "
            "be cancelled.",
        )


def kind_of(type: str) -> str:
    """Which kind of message between roles has this event type; "" for any other event."""
    kind = type.removeprefix(_BEFORE).removesuffix(_BEHIND)
    return kind if type == TYPE.format(kind) else ""


def _addressed(event: CloudEvent) -> Envelope | None:
    """To whom it goes, which its attributes tell also where its data cannot be read."""
    try:
        return from_event(structs.replace(event, data=b""))
    except InputError:
        return None
