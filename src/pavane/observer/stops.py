"""Messages that services have set aside, as they tell: a bounded number of them.

As in `fold`, the newest note about one is the one with the highest position in its service's log.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from pavane.core.model.journal import AsideNote
from pavane.core.projection.message import TOKEN
from pavane.core.projection.wire import TYPE
from pavane.engine.views.dead_letters import DeadLetter

STANDING_MOST: Final = 10_000
SETTLED_MOST: Final = 1_000
STATES: Final = frozenset({"parked", "quarantined", "dead"})

_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a15")
_OF_TOKENS = TYPE.format(TOKEN)


class Stop(msgspec.Struct):
    """A message: as it stood last, and the newest that was told of it."""

    note: AsideNote
    order: tuple[int, str]
    stood: AsideNote | None = None

    @property
    def stands(self) -> bool:
        """Whether it waits in its service's ledger."""
        return self.note.status in STATES

    @property
    def is_token(self) -> bool:
        """Whether its step tells already that it does not go on."""
        return self.note.type == _OF_TOKENS and not self.note.untold


def letter_id(service: str, id: str) -> str:
    """What people call it: one name, whatever the service calls it."""
    return str(uuid.uuid5(_SPACE, f"{service}\0{id}"))


class Stops(msgspec.Struct):
    """All that is known, oldest first. `dropped` counts what there was no room for."""

    standing: dict[str, Stop] = {}
    settled: dict[str, Stop] = {}
    dropped: int = 0

    def take(self, note: AsideNote, order: tuple[int, str]) -> tuple[str, ...]:
        """Learn a note; the ids of what looks different now."""
        id = letter_id(note.service, note.id)
        known = self.standing.get(id) or self.settled.get(id)
        if known is not None and known.order >= order:
            if known.stood is None and note.status in STATES:
                known.stood = note
            return ()
        stood = note if note.status in STATES else known.stood if known else None
        new = Stop(note, order, stood)
        if known is None or known.stands != new.stands or not new.stands:
            self.standing.pop(id, None)
            self.settled.pop(id, None)
        (self.standing if new.stands else self.settled)[id] = new
        if len(self.standing) > STANDING_MOST:
            del self.standing[next(iter(self.standing))]
            self.dropped += 1
        if len(self.settled) > SETTLED_MOST:
            del self.settled[next(iter(self.settled))]
        return tuple(filter(None, (id, note.execution, note.correlation)))

    def find(self, id: str) -> Stop | None:
        """One, standing or settled lately."""
        return self.standing.get(id) or self.settled.get(id)

    def of(self, *flows: str) -> list[Stop]:
        """What stands of executions or flows."""
        return [
            each
            for each in self.standing.values()
            if each.note.execution in flows or each.note.correlation in flows
        ]

    def letters(self) -> list[DeadLetter]:
        """All that stand, newest first."""
        found = [letter(each) for each in self.standing.values()]
        return sorted(found, key=lambda each: (each.since, each.id), reverse=True)


def letter(stop: Stop) -> DeadLetter:
    """As people see it."""
    note, stood = stop.note, stop.stood or stop.note
    id = letter_id(note.service, note.id)
    names = ("service", "type", "reason", "since", "until", "attempts", "execution")
    more = ("correlation", "message", "handler", "payload", "encoding", "size")
    command = f"pavane dead-letters redrive {id}"
    return DeadLetter(
        id=id,
        kind=stood.status if stood.status in STATES else "dead",  # pyright: ignore[reportArgumentType]  # STATES are kinds
        state="standing" if stop.stands else note.status,
        settled="" if stop.stands else note.reason,
        settle=[command, f"pavane dead-letters discard {id} --reason WHY"] if stop.stands else [],
        **{name: getattr(stood, name) for name in (*names, *more)},
    )
