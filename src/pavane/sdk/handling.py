"""One handling of one message: what a handler may ask, and what it may emit meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Generator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, Literal

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.errors import InputError, UsageError
from pavane.language.offers import mark
from pavane.ports.handlers import Facts
from pavane.sdk.event import Event, emission, type_of

Undeclared = Literal["deny", "warn"]
"""What becomes of an emitted event that the handler does not declare."""


class Handling:
    """Takes what is emitted while a handler runs, from whatever thread, until it is closed."""

    __slots__ = (
        "_declared",
        "_emitted",
        "_lock",
        "_name",
        "_open",
        "_undeclared",
        "facts",
        "notes",
        "refusal",
    )

    def __init__(
        self, name: str, declared: frozenset[type[Event]], undeclared: Undeclared, facts: Facts
    ) -> None:
        self.facts = facts
        self.notes: list[str] = []  # what was odd
        self.refusal = ""  # why nothing of it counts, whatever the function does about the error
        self._name = name
        self._declared = declared
        self._undeclared: Undeclared = undeclared
        self._emitted: list[Outgoing] = []
        self._open = True
        self._lock = threading.Lock()

    def emit(self, event: object) -> None:
        """Take an event. UsageError or InputError where it cannot be emitted here."""
        try:
            out = self._checked(event)
        except (UsageError, InputError) as error:
            self.refusal = self.refusal or str(error)
            raise
        with self._lock:
            if not self._open:
                raise UsageError(
                    f"{self._name} has ended, and what it emitted is committed.",
                    "Wait in the handler for whatever publishes.",
                )
            self._emitted.append(out)

    def _checked(self, event: object) -> Outgoing:
        if not isinstance(event, Event):
            raise UsageError(
                f"{self._name} emitted a {type(event).__name__}, which is no event.",
                "Emit instances of Event types, single or in a list or tuple.",
            )
        if type(event) not in self._declared:
            text = f"{self._name} emitted {type_of(type(event))}, which it does not declare."
            if self._undeclared == "deny":
                raise UsageError(text, "Name it in its return annotation, or in emits=[…].")
            self.notes.append(text)
        return emission(event)

    def close(self) -> list[Outgoing]:
        """Take nothing any more; what was emitted, in order."""
        with self._lock:
            self._open = False
            return self._emitted


_CURRENT: ContextVar[Handling | None] = ContextVar("pavane_handling", default=None)
enter = _CURRENT.set
leave = _CURRENT.reset


class _Done:
    """What `publish` gives, so that it may be awaited: nothing is left to wait for."""

    def __await__(self) -> Generator[None]:
        return
        yield


_DONE: Final = _Done()


@mark("publish")
def publish(event: Event) -> Awaitable[None]:
    """Send an event; in a workflow with `await` in front, in a handler with or without.

    In a handler it goes out beside what that returns: committed with it, or not at all. It keeps
    correlation and causation. It works in everything that the handler calls and waits for: in
    tasks, and in threads by `asyncio.to_thread`. UsageError anywhere else.
    """
    handling = _CURRENT.get()
    if handling is None:
        raise UsageError(
            "publish() was called outside of any event handler.",
            "Use Client.publish or a bus there, and ctx.publish in a thread of your own.",
        )
    handling.emit(event)
    return _DONE


class EventContext:
    """The circumstances of one handling. A handler gets it by a first parameter annotated so."""

    __slots__ = ("_facts", "_handling", "handler", "service")

    def __init__(
        self, service: str, handler: str, facts: Facts, handling: Handling | None = None
    ) -> None:
        self.service = service
        self.handler = handler
        self._facts = facts
        self._handling = handling

    @classmethod
    def outside(cls, service: str, handler: str) -> EventContext:
        """The context of a handler that is called as a plain function."""
        nothing = CloudEvent(id="", source="", type="")
        return cls(service, handler, Facts(nothing, "", "", ""))

    @property
    def message_id(self) -> str:
        """The id of the message; what the handler emits has it as its causation."""
        return self._facts.event.id

    @property
    def correlation_id(self) -> str:
        """The flow that the message belongs to, and so does all that the handler emits."""
        return self._facts.correlation

    @property
    def causation_id(self) -> str:
        """The id of the message that caused this one, "" where nothing is known to have done so."""
        return self._facts.causation

    @property
    def attempt(self) -> int:
        """Which attempt this is, 1 for the first."""
        return self._facts.attempt

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt and redelivery: hand it to what you call."""
        return self._facts.idempotency_key

    @property
    def deadline_at(self) -> int:
        """End of this attempt's time in epoch milliseconds; 0 when it has none."""
        return self._facts.deadline_at

    @property
    def deadline(self) -> datetime | None:
        """As `deadline_at`, as a time in UTC; None when it has none."""
        at = self._facts.deadline_at
        return datetime.fromtimestamp(at / 1000, UTC) if at else None

    def publish(self, event: Event) -> None:
        """As `pavane.publish`, also from a thread that the handler started itself."""
        if self._handling is None:
            publish(event)
        else:
            self._handling.emit(event)
