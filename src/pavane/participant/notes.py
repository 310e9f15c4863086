"""Journal notes as events: what a role tells the observer, through the same log."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import AsideNote, EventNote, ListensNote, Note
from pavane.ports.bus import JOURNAL

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a12")
TYPE = "pavane.journal.noted.v1"


def note_event(role: str, note: Note, now: int) -> Outgoing:
    """The record of one note."""
    return notes_event(role, [note], now)


def notes_event(role: str, notes: Sequence[Note], now: int) -> Outgoing:
    """The record of what one transaction tells, at least one note; of one execution most often.

    Where it stands in the role's log is stamped on when it is sent.
    """
    body = msgspec.json.encode(notes)
    flows = {_flow_of(note) for note in notes}
    execution = flows.pop() if len(flows) == 1 else ""
    event = CloudEvent(
        id=str(uuid.uuid5(_SPACE, f"{role}\0{now}\0{body.decode()}")),
        source=role,
        type=TYPE,
        time=now,
        attributes={"correlationid": execution} if execution else {},
        data=body,
    )
    return Outgoing(JOURNAL, execution, event)


def _flow_of(note: Note) -> str:
    if isinstance(note, EventNote):
        return note.correlation
    if isinstance(note, AsideNote):
        return note.execution or note.correlation
    return "" if isinstance(note, ListensNote) else note.execution
