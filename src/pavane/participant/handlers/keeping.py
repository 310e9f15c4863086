"""A ledger for handlers: asked again and again while it has trouble, so that order is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pavane.core.model.event import Outgoing
from pavane.core.model.journal import EventNote
from pavane.errors import StoreError
from pavane.participant import telling
from pavane.participant.emitting import CAUSATION, Status, correlation_of
from pavane.participant.handlers import lanes
from pavane.participant.handlers.lanes import Held, Lane
from pavane.participant.handlers.together import Over, Stand, Together
from pavane.participant.notes import note_event
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, Entry, Ledger

_LOG = logging.getLogger("pavane.handler")

_PAUSE_S = (0.1, 5.0)  # first and longest pause when the ledger cannot be used

T = TypeVar("T")
Commit = Callable[[Entry], Awaitable[bool]]


class Keeping:
    """What handlers of a service read from its ledger and write into it."""

    def __init__(self, ledger: Ledger, clock: Clock, service: str, commit: Commit) -> None:
        self.ledger = ledger
        self.service = service
        self.committed: Callable[[Entry], None] = _nothing
        self._clock = clock
        self._commit = commit
        self._together = Together(ledger, service, self._written)

    def now(self) -> int:
        """Epoch milliseconds."""
        return self._clock.now()

    async def commit(self, entry: Entry) -> bool:
        """Write an entry; False when somebody else has written meanwhile what it depends on."""
        return await self._steadily(lambda: self._written(entry))

    async def _written(self, entry: Entry) -> bool:
        won = await self._commit(entry)
        if won:
            self.committed(entry)
        return won

    async def over(
        self, held: Held, attempt: int, reason: str, emitted: Sequence[Outgoing]
    ) -> bool:
        """Write that it was handled, beside others; False when it was handled meanwhile."""
        note = self._told(held, "done", attempt, reason, emitted)
        over = Over(held.id, emitted, note, note.time)
        return await self._steadily(lambda: self._together.over.get(over))

    async def standing(self, held: Held, lane: str) -> Lane | None:
        """Its lane as it is now; None where the ledger has the message, handled or kept."""
        asked = Stand(held.id, lane)
        return await self._steadily(lambda: self._together.standing.get(asked))

    async def lane(self, name: str) -> Lane:
        """A lane as it is now."""
        loaded = await self._steadily(lambda: self.ledger.load({name: [lanes.HEAD]}))
        return lanes.read_lane(name, loaded[name])

    async def behind(self, lane: Lane) -> Held | None:
        """The message behind the head, if there is one."""
        key = lanes.waiting_key(lane.head) if lane.head is not None else None
        if key is None:
            return None
        loaded = await self._steadily(lambda: self.ledger.load({lane.name: [key]}))
        return lanes.read_held(loaded[lane.name].rows[key])

    def note(
        self,
        held: Held,
        status: Status,
        attempt: int,
        reason: str = "",
        emitted: Sequence[Outgoing] = (),
    ) -> Outgoing:
        """What people shall know of a handling, as a record."""
        told = self._told(held, status, attempt, reason, emitted)
        return note_event(self.service, told, told.time)

    def _told(
        self, held: Held, status: Status, attempt: int, reason: str, emitted: Sequence[Outgoing]
    ) -> EventNote:
        event = held.event
        return EventNote(
            correlation=correlation_of(event),
            message=event.id,
            type=event.type,
            handler=held.handler,
            service=self.service,
            status=status,
            causation=event.attributes.get(CAUSATION, ""),
            attempt=attempt,
            reason=reason,
            emitted=[(out.event.id, out.event.type) for out in emitted],
            time=self.now(),
        )

    def stopped(self, aside: Aside, attempts: int) -> Outgoing:
        """A message is set aside, for everybody to see."""
        now = self.now()
        told = telling.stopped(self.service, aside, now, attempts=attempts)
        return note_event(self.service, told, now)

    def waits(self, held: Held, reason: str) -> Outgoing:
        """A message waits behind another one."""
        now = self.now()
        told = telling.waiting(self.service, held.id, held.handler, held.event, reason, now)
        return note_event(self.service, told, now)

    def left(self, held: Held, status: telling.Left, reason: str = "") -> Outgoing:
        """A message waits no more."""
        now = self.now()
        told = telling.left(self.service, held.id, held.event, status, now, reason)
        return note_event(self.service, told, now)

    async def _steadily(self, ask: Callable[[], Awaitable[T]]) -> T:
        pause_s, longest_s = _PAUSE_S
        while True:
            try:
                return await ask()
            except StoreError as error:
                _LOG.warning("the ledger of %s has trouble: %s", self.service, error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, longest_s)


def _nothing(_: Entry) -> None:
    pass
