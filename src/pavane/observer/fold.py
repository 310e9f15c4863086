"""All that is known from journals: notes in any order, any number of times, give one picture.

All notes about one thing come from one role, whose log gives them positions; so the newest note is
the one with the highest position, and no clock and no order across roles is needed. Everything
kept is the greatest or the least of what was told, which is why the order of arrival is no matter.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import msgspec

from pavane.core.model.journal import (
    AsideNote,
    At,
    EventNote,
    ListensNote,
    Note,
    ScopeNote,
    StepNote,
)
from pavane.core.projection.message import child_execution
from pavane.observer.stops import Stops

Order = tuple[int, str]
"""Position and source; the source makes the order total, should two roles tell of one thing."""

N = TypeVar("N", StepNote, ScopeNote, EventNote)
A = TypeVar("A", StepNote, EventNote)  # those that know attempts


class Span(NamedTuple):
    """Where a status was told first, with the time that was given (ms), and where last."""

    first: Order
    time: int
    last: Order


class Told(msgspec.Struct, Generic[N]):
    """What was told of one thing: the newest note, and where each status was told."""

    note: N
    order: Order
    spans: dict[str, Span]  # by status

    @property
    def source(self) -> str:
        """The role that told it."""
        return self.order[1]

    @property
    def began(self) -> int:
        """When it was told of first, whatever the status (ms)."""
        return min(self.spans.values()).time

    def since(self, status: str) -> int:
        """When it came to a status first, 0 if it was never told to have it (ms)."""
        span = self.spans.get(status)
        return span.time if span else 0

    @property
    def stands_since(self) -> int:
        """When it came to its present status (ms)."""
        present = self.spans[self.note.status]
        again = any(each.last > present.first for each in self.spans.values() if each != present)
        return self.note.time if again else present.time

    def take(self, note: N, order: Order) -> bool:
        """Learn one more note; whether it was news."""
        old = self.spans.get(note.status)
        span = Span(order, note.time, order)
        if old is not None:
            first, time = min(old[:2], span[:2])
            span = Span(first, time, max(old.last, order))
        self.spans[note.status] = span
        newer = order > self.order
        if newer:
            self.note, self.order = note, order
        return newer or span != old


Attempts = dict[int, Told[StepNote]]


class Place(NamedTuple):
    """A step of a scope instance: its ref, and its coordinate, which tells iterations apart."""

    ref: str
    at: At


class Instance(msgspec.Struct):
    """A scope instance: to people an execution. `told` is None until its home is heard."""

    id: str
    root: str
    scope: str
    generation: At
    told: Told[ScopeNote] | None = None
    steps: dict[Place, Attempts] = {}


class Handling(NamedTuple):
    """A handler's dealing with one message."""

    message: str
    service: str
    handler: str


class Flow(msgspec.Struct):
    """What hand-written handlers told of the messages that belong together."""

    id: str  # the correlation id
    handlings: dict[Handling, dict[int, Told[EventNote]]] = {}


class Picture(msgspec.Struct):
    """All that is known."""

    instances: dict[str, Instance] = {}  # by the id that people see
    scopes: dict[str, set[str]] = {}  # of each execution, the ids of its instances
    flows: dict[str, Flow] = {}  # by correlation id
    handlers: dict[str, set[tuple[str, str]]] = {}  # event type -> (service, handler) seen with it

    stops: Stops = msgspec.field(default_factory=Stops)
    listens: dict[str, tuple[Order, ListensNote]] = {}  # by service

    def take(self, source: str, position: int, note: Note) -> tuple[str, ...]:
        """Learn a note from a role's log; the ids of what looks different now, () if it is no news.

        A change of a scope is one of its execution, so both ids are given.
        """
        order = (position, source)
        if isinstance(note, EventNote):
            return self._event(note, order)
        if isinstance(note, AsideNote):
            return self.stops.take(note, order)
        if isinstance(note, ListensNote):
            return self._listens(note, order)
        instance = self._instance(note)
        if isinstance(note, ScopeNote):
            known = instance.told
            instance.told = known or _first(note, order)
            news = known is None or known.take(note, order)
        else:
            attempts = instance.steps.setdefault(Place(note.ref, note.at), {})
            news = _learn(attempts, note, order)
        return tuple(dict.fromkeys((instance.id, instance.root))) if news else ()

    def forget(self, id: str) -> None:
        """Drop an execution with its scopes, or a flow: the picture would else only grow."""
        self.flows.pop(id, None)
        for each in self.scopes.pop(id, ()):
            del self.instances[each]

    def _instance(self, note: StepNote | ScopeNote) -> Instance:
        id = child_execution(note.execution, note.scope, note.generation)
        known = self.instances.get(id)
        if known is None:
            known = Instance(id, note.execution, note.scope, note.generation)
            self.instances[id] = known
            self.scopes.setdefault(note.execution, set()).add(id)
        return known

    def _listens(self, note: ListensNote, order: Order) -> tuple[str, ...]:
        known = self.listens.get(note.service)
        if known is not None and known[0] >= order:
            return ()
        self.listens[note.service] = (order, note)
        return (note.service,)

    def _event(self, note: EventNote, order: Order) -> tuple[str, ...]:
        flow = self.flows.setdefault(note.correlation, Flow(note.correlation))
        if note.handler:
            self.handlers.setdefault(note.type, set()).add((note.service, note.handler))
        handling = Handling(note.message, note.service, note.handler)
        attempts = flow.handlings.setdefault(handling, {})
        return (flow.id,) if _learn(attempts, note, order) else ()


def _learn(attempts: dict[int, Told[A]], note: A, order: Order) -> bool:
    known = attempts.get(note.attempt)
    if known is not None:
        return known.take(note, order)
    attempts[note.attempt] = _first(note, order)
    return True


def _first(note: N, order: Order) -> Told[N]:
    return Told(note, order, {note.status: Span(order, note.time, order)})
