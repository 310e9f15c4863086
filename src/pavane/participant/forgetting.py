"""An execution is forgotten by its home first, which then tells every other role that knows it.

So no role forgets what the home could still ask for: the home gives up its own row of the execution
before it tells, and can neither undo nor open it any more. The others close what they have of it
when they hear, and forget it after the same time again, each by its own clock: a message that is
late, or comes again, finds its row until then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.turn import ROOT
from pavane.core.projection.rows import Key
from pavane.participant.roles.known_rows import place_of
from pavane.ports.bus import role_topic
from pavane.ports.clock import Clock
from pavane.ports.ledger import Entry, Ledger, RowKey

TYPE: Final = "pavane.executions.forgotten.v1"
_SPACE = uuid.UUID("5a0c0e3c-0b8d-5b0e-9d3b-6f4f1b6c7a16")
_PAGE: Final = 500
_FIRST: Final = (-1, "")
_AT_HOME: Final = place_of(Key(ROOT, (), "scope", "", ()))
_TO_TELL: Final = RowKey("forget", "members")
"""In the place of the home's row: it is given up, and the others may not have been told yet."""


class Forgotten(msgspec.Struct, frozen=True):
    """Executions that their home has forgotten."""

    executions: list[str]


_decode = msgspec.json.Decoder(Forgotten).decode


def read_forgotten(event: CloudEvent) -> list[str] | None:
    """The executions that an event says are forgotten, if it is such an event."""
    if event.type != TYPE:
        return None
    try:
        return _decode(event.data).executions
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Forgetting:
    """Tells and hears what is forgotten. `known` are the role's choreographies, by their hash:

    all roles in them are told. `wake` is called when there is something to send, `gone` when
    something was pruned: what is kept at hand of it is no longer true.
    """

    def __init__(
        self,
        role: str,
        ledger: Ledger,
        clock: Clock,
        known: Mapping[str, Choreography],
        wake: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._role = role
        self._ledger = ledger
        self._clock = clock
        self._known = known
        self._wake = wake
        self.gone = gone

    async def tell(self, before: int) -> None:
        """Before executions that were closed before a time (ms) are pruned: tell the others.

        Told again after a crash in the middle; nothing is pruned before it is told.
        """
        after = _FIRST
        while page := await self._ledger.closed(before, after, _PAGE):
            after = page[-1]
            await self._give_up([id for _, id in page])

    async def _give_up(self, ids: Sequence[str]) -> None:
        found = await self._ledger.load({id: [_AT_HOME, _TO_TELL] for id in ids})
        ours = {id: each for id, each in found.items() if each.rows}
        entries = [
            # Closed long ago, so that it goes now. One that goes on meanwhile is lost here.
            Entry(id, each.revision, rows={_AT_HOME: b"", _TO_TELL: b"1"}, closed=True)
            for id, each in ours.items()
            if _AT_HOME in each.rows
        ]
        lost = await self._ledger.commit(entries) if entries else set[int]()
        gone_on = {entries[index].execution for index in lost}
        told = [id for id in ours if id not in gone_on]
        if told and (records := self._records(told)):
            await self._ledger.commit([Entry(records=records, at=self._clock.now())])
            self._wake()

    def _records(self, ids: list[str]) -> list[Outgoing]:
        body, now = msgspec.json.encode(Forgotten(ids)), self._clock.now()
        roles = {role for each in self._known.values() for role in each.roles}
        records: list[Outgoing] = []
        for role in sorted(roles - {self._role}):
            id = str(uuid.uuid5(_SPACE, f"{role}\0{body.decode()}"))
            event = CloudEvent(id, self._role, TYPE, time=now, data=body)
            records.append(Outgoing(role_topic(role), "", event))
        return records

    async def hear(self, ids: Collection[str]) -> None:
        """Close what is here of them: it may be forgotten in time."""
        left = list(ids)
        while left:
            found = await self._ledger.load({id: [] for id in left})
            here = [(id, each.revision) for id, each in found.items() if each.revision]
            now = self._clock.now()
            entries = [Entry(id, revision, closed=True, at=now) for id, revision in here]
            lost = await self._ledger.commit(entries) if entries else set[int]()
            left = [entries[index].execution for index in lost]  # something came for it just now
