"""Journal records, as they travel, become notes; what is malformed becomes a sentence."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.core.model.journal import Note

SEQUENCE: Final = "sequence"
"""The attribute with the position in the source's log, as decimal text."""

_decoder = msgspec.json.Decoder(Note)


class JournalRecord(NamedTuple):
    """A note, with the role that tells it and the position in that role's log."""

    source: str
    position: int
    note: Note


class Refused(msgspec.Struct, frozen=True, rename="camel"):
    """A record that could not be read, and why."""

    source: str
    id: str
    reason: str
    at: int


def read(event: CloudEvent, position: int | None = None) -> JournalRecord:
    """The note in an event; ValueError says what is wrong with it.

    The position is read from the event unless it is given: a log knows its own.
    """
    if not event.source:
        raise ValueError("the record has no source, so nobody knows whose position it has")
    if position is None:
        text = event.attributes.get(SEQUENCE, "")
        if not (text.isascii() and text.isdecimal()):
            raise ValueError(f"the attribute `{SEQUENCE}` is {text!r}, not a position")
        position = int(text)
    try:
        note = _decoder.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the data is no note: {error}") from error
    return JournalRecord(event.source, position, note)
