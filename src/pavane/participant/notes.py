"""Journal notes as events: what a role tells the observer, through the same log."""

from __future__ import annotations

import uuid

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import EventNote, Note
from pavane.ports.bus import JOURNAL

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a12")
TYPE = "pavane.journal.noted.v1"


def note_event(role: str, note: Note, now: int) -> Outgoing:
    """The record of a note; where it stands in the role's log is stamped on when it is sent."""
    body = msgspec.json.encode(note)
    execution = note.correlation if isinstance(note, EventNote) else note.execution
    event = CloudEvent(
        id=str(uuid.uuid5(_SPACE, f"{role}\0{now}\0{body.decode()}")),
        source=role,
        type=TYPE,
        time=now,
        attributes={"correlationid": execution},
        data=body,
    )
    return Outgoing(JOURNAL, execution, event)
