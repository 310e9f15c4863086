"""Handlings that go on side by side: what they ask of the ledger is asked once for all of them.

Those that end well at the same time, most of all, share an entry: their messages are handled
together or not at all, and one record tells of all of them. Where one of them loses, each is
written for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from pavane.core.model.event import Outgoing
from pavane.core.model.journal import EventNote
from pavane.engine.gathering import Gathered
from pavane.participant.handlers import lanes
from pavane.participant.handlers.lanes import Lane
from pavane.participant.notes import notes_event
from pavane.ports.ledger import Entry, Ledger

_MOST: Final = 500  # handlings of one entry


class Stand(NamedTuple):
    """A message, by its inbox id, and the lane that it is to go through."""

    message: str
    lane: str


class Over(msgspec.Struct, frozen=True, eq=False):
    """A handling that is over, with nothing left to do; each is another one."""

    message: str
    emitted: Sequence[Outgoing]
    note: EventNote
    at: int


class Together:
    """Asks and writes for all that wait; `commit` says of an entry whether it won."""

    def __init__(
        self, ledger: Ledger, service: str, commit: Callable[[Entry], Awaitable[bool]]
    ) -> None:
        self._ledger = ledger
        self._service = service
        self._commit = commit
        self.standing = Gathered(self._look)
        """The lane of each message; None of one that the inbox has already."""
        self.over = Gathered(self._write)
        """Whether each handling was written; False where somebody else has handled it."""

    async def _look(self, asked: Collection[Stand]) -> Mapping[Stand, Lane | None]:
        seen = await self._ledger.seen([each.message for each in asked])
        new = {each.lane for each in asked if each.message not in seen}
        loaded = await self._ledger.load({lane: [lanes.HEAD] for lane in new}) if new else {}
        return {
            each: lanes.read_lane(each.lane, loaded[each.lane])
            if each.message not in seen
            else None
            for each in asked
        }

    async def _write(self, overs: Collection[Over]) -> Mapping[Over, bool]:
        won: dict[Over, bool] = {}
        pieces = list(_pieces(list(overs)))
        written = await asyncio.gather(*(self._commit(self._entry(each)) for each in pieces))
        for piece, all_won in zip(pieces, written, strict=True):
            one = len(piece) == 1
            alone = [] if all_won or one else [self._commit(self._entry([each])) for each in piece]
            told = await asyncio.gather(*alone) if alone else [all_won] * len(piece)
            won.update(zip(piece, told, strict=True))
        return won

    def _entry(self, overs: Sequence[Over]) -> Entry:
        first, *others = (each.message for each in overs)
        now = overs[-1].at
        told = notes_event(self._service, [each.note for each in overs], now)
        emitted = [out for each in overs for out in each.emitted]
        return Entry(message=first, others=others, records=[*emitted, told], at=now)


def _pieces(overs: Sequence[Over]) -> list[Sequence[Over]]:
    return [overs[first : first + _MOST] for first in range(0, len(overs), _MOST)]
