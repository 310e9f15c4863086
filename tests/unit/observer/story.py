"""Journals told by hand: roles tell what they see, and the notes may come in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import EventNote, Note, ScopeNote, StepNote
from pavane.observer.fold import Picture
from pavane.observer.records import PLACES
from pavane.observer.views import Views
from pavane.ports.bus import JOURNAL
from pavane.ports.ledger import Record

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Line(NamedTuple):
    source: str
    position: int
    note: Note


class Story:
    """What roles told, in the order in which it happened; a second passes with each note."""

    def __init__(self, id: str = "e1", workflow: str = "fulfil_order") -> None:
        self.id = id
        self.workflow = workflow
        self.now = START
        self.told: list[Line] = []
        self._positions: dict[str, int] = {}

    def tell(self, source: str, note: Note) -> Story:
        self._positions[source] = self._positions.get(source, 0) + 1
        self.told.append(Line(source, self._positions[source], note))
        self.now += 1000
        return self

    def home(self, status: str, role: str = "inventory", **more: Any) -> Story:
        """The home of the root, or with `scope=…` of a scope, tells its status."""
        given = {"execution": self.id, "scope": "", "generation": (), "workflow": self.workflow}
        given |= {"version": 1, "definition": "abc", "home": role, "time": self.now}
        return self.tell(role, ScopeNote(status=status, **(given | _payloads(more))))

    def step(self, role: str, ref: str, status: str, attempt: int = 0, **more: Any) -> Story:
        """A role tells of a step."""
        given = {"execution": self.id, "scope": "", "generation": (), "at": (), "type": "SIMPLE"}
        given |= {"task": ref, "service": role, "time": self.now}
        given |= _payloads(more)
        return self.tell(role, StepNote(ref=ref, status=status, attempt=attempt, **given))

    def done(self, role: str, *refs: str, **more: Any) -> Story:
        """A role does steps, from their beginning to their end."""
        for ref in refs:
            for status in ("SCHEDULED", "IN_PROGRESS"):
                self.step(role, ref, status, **{k: v for k, v in more.items() if k != "output"})
            self.step(role, ref, "COMPLETED", **more)
        return self

    def event(self, service: str, handler: str, status: str, message: str, **more: Any) -> Story:
        """A hand-written handler tells of a message; its type is the message's first letter."""
        given = {"correlation": self.id, "type": message[:1], "time": self.now}
        given |= {"emitted": [(id, id[:1]) for id in more.pop("emits", ())]} | more
        note = EventNote(service=service, handler=handler, status=status, message=message, **given)
        return self.tell(service, note)

    # --- hearing it -----------------------------------------------------------------------------

    def picture(self) -> Picture:
        return heard(self.told)

    def views(self) -> Views:
        return Views(self.picture())

    def records(self) -> dict[str, list[Record]]:
        """The logs of the roles."""
        logs: dict[str, list[Record]] = {}
        for line in self.told:
            logs.setdefault(line.source, []).append(Record(line.position, outgoing(line)))
        return logs


def heard(lines: Sequence[Line]) -> Picture:
    picture = Picture()
    for source, position, note in lines:
        picture.take(source, position * PLACES, note)
    return picture


def jumbled(lines: Sequence[Line], chance: random.Random) -> list[Line]:
    """The same in another order, a third of them more than once."""
    found = [*lines, *(line for line in lines if chance.random() < 0.3)]
    chance.shuffle(found)
    return found


def outgoing(line: Line) -> Outgoing:
    """A note as it travels."""
    event = CloudEvent(
        id=f"{line.source}-{line.position}",
        source=line.source,
        type="dev.pavane.journal",
        attributes={"sequence": f"{line.position:019d}"},
        data=msgspec.json.encode(line.note),
    )
    return Outgoing(JOURNAL, line.source, event)


def _payloads(more: dict[str, Any]) -> dict[str, Any]:
    return dict(_encoded(more))


def _encoded(more: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in more.items():
        if name in ("input", "output"):
            value = msgspec.Raw(msgspec.json.encode(value))
        yield name, value
