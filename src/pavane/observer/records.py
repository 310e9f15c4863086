"""Journal records, as they travel, become notes; what is malformed becomes a sentence."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from pavane.core.model.event import CloudEvent
from pavane.core.model.journal import Note

SEQUENCE: Final = "sequence"
"""The attribute with the position in the source's log, as decimal text."""

_decoder: msgspec.json.Decoder[Note | list[Note]] = msgspec.json.Decoder(Note | list[Note])
PLACES = 4096  # notes of one record keep their order


class JournalRecord(NamedTuple):
    """A note, with the role that tells it and its place among all that this role tells."""

    source: str
    position: int
    note: Note


class Refused(msgspec.Struct, frozen=True, rename="camel"):
    """A record that could not be read, and why."""

    source: str
    id: str
    reason: str
    at: int


def read(event: CloudEvent, position: int | None = None) -> list[JournalRecord]:
    """The notes in an event; ValueError says what is wrong with it.

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
        told = _decoder.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the data is no note: {error}") from error
    notes: list[Note] = told if isinstance(told, list) else [told]
    return [
        JournalRecord(event.source, position * PLACES + place, note)
        for place, note in enumerate(notes)
    ]
