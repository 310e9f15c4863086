"""Definitions that a service has played: kept in its ledger, so that executions end by their own.

A new deployment knows the newest definitions from its code. Those of older executions it finds
here, whoever it was that began them. They are small, and never forgotten.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final

import msgspec

from pavane.core.model.event import Outgoing
from pavane.core.projection.choreography import Choreography, Source
from pavane.core.projection.reading import read_source
from pavane.errors import PavaneError
from pavane.participant.announcing import kept_announcement
from pavane.ports.ledger import ALL, Entry, Ledger, RowKey

_LOG = logging.getLogger("pavane.participant")

PLACE: Final = "pavane:definitions"
"""Under which the ledger keeps them, as if it were an execution that never ends."""
_GROUP: Final = "definition"
_decode = msgspec.json.Decoder(Source).decode


class Kept:
    """The choreographies of one role: `known` by hash; `current`, by which they begin, by name."""

    def __init__(
        self, role: str, ledger: Ledger, choreographies: Collection[Choreography] = ()
    ) -> None:
        self.known = {each.hash: each for each in choreographies}
        self.current = {each.name: each for each in choreographies}
        self._role = role
        self._ledger = ledger

    async def take_up(self) -> None:
        """Know what was kept, and keep what is known."""
        loaded = (await self._ledger.load({PLACE: [RowKey(_GROUP, ALL)]}))[PLACE]
        for key, body in sorted(loaded.rows.items()):
            if key.name in self.known:
                continue
            try:
                read = read_source(_decode(body))
            except (PavaneError, msgspec.DecodeError) as error:
                what = f"{self._role} cannot read the definition {key.name} that it has kept"
                _LOG.warning("%s, so messages of its executions wait: %s", what, error)
                continue
            read.hash = key.name  # by which its messages know it, however a hash is made here
            self.known[read.hash] = read
        await self._keep(list(self.known.values()))

    async def learn(self, choreographies: Collection[Choreography], *, current: bool) -> None:
        """Know more, and keep it."""
        await self._keep(choreographies)
        for each in choreographies:
            self.known[each.hash] = each
            if current:
                self.current[each.name] = each

    async def _keep(self, choreographies: Collection[Choreography]) -> None:
        wanted = {
            RowKey(_GROUP, each.hash): msgspec.json.encode(each.source)
            for each in choreographies
            if each.source is not None
        }
        while wanted:
            loaded = (await self._ledger.load({PLACE: list(wanted)}))[PLACE]
            rows = {key: body for key, body in wanted.items() if key not in loaded.rows}
            if not rows:
                return
            if not await self._ledger.commit([Entry(PLACE, loaded.revision, rows=rows)]):
                return

    def told(self, now: int) -> list[Outgoing]:
        """Of those that none begins by any more, so that others can ask for executions of them."""
        current = {each.hash for each in self.current.values()}
        older = [each for hash, each in self.known.items() if hash not in current]
        return [kept_announcement(each, now) for each in older]
