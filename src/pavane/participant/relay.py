"""The relay: what is in the log goes to the bus, in order, at least once."""

from __future__ import annotations

import asyncio
import logging

from msgspec import structs

from pavane.core.model.event import Outgoing
from pavane.errors import PavaneError
from pavane.participant import points
from pavane.ports.bus import JOURNAL, Bus, LogBus
from pavane.ports.ledger import Ledger, Record
from pavane.ports.probe import Probe

_LOG = logging.getLogger("pavane.relay")

_MOST = 500
_PAUSE_S = (0.05, 5.0)
OFFSET = "relay"


class Relay:
    """Copies one ledger's log to the bus; its position may be lost, then it sends again.

    A bus that reads the log itself is only told that there is something new.
    """

    def __init__(self, ledger: Ledger, bus: Bus, probe: Probe, group: str = "") -> None:
        self._ledger = ledger
        self._bus = bus
        self._probe = probe
        self._reader = bus if isinstance(bus, LogBus) and bus.adopt(ledger, group) else None
        self.messages = 0  # sent to roles and to whoever listens
        self.notes = 0  # sent to the journal
        self._position: int | None = None  # up to here it is on the bus
        self._news = asyncio.Event()
        self._news.set()

    def wake(self) -> None:
        """Something was committed."""
        if self._reader is not None:
            self._reader.news(self._ledger)
        else:
            self._news.set()

    async def backlog(self, most: int) -> int | None:
        """How many records are not on the bus yet, up to so many; None where nothing is copied."""
        if self._position is None:
            return None
        return len(await self._ledger.log_after(self._position, most))

    async def run(self) -> None:
        """Copy for ever; where there is nothing to copy, see that what was committed is heard."""
        self.wake()
        if self._reader is not None:
            await asyncio.get_running_loop().create_future()
        position = self._position = await self._ledger.offset(OFFSET)
        pause_s, longest_s = _PAUSE_S
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                position = self._position = await self._copy(position)
                pause_s = _PAUSE_S[0]
            except PavaneError as error:
                _LOG.warning("the bus or the ledger has trouble: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, longest_s)
                self._news.set()

    async def _copy(self, position: int) -> int:
        while True:
            records = await self._ledger.log_after(position, _MOST)
            if not records:
                return position
            await self._bus.publish([stamped(record) for record in records])
            notes = sum(record.out.topic == JOURNAL for record in records)
            self.notes += notes
            self.messages += len(records) - notes
            self._probe.at(points.RELAYED)
            position = self._position = records[-1].position
            await self._ledger.keep_offset(OFFSET, position)


def stamped(record: Record) -> Outgoing:
    """A journal record carries its place in the log, by which the observer knows what is newer."""
    out = record.out
    if out.topic != JOURNAL:
        return out
    attributes = {**out.event.attributes, "sequence": f"{record.position:020}"}
    return structs.replace(out, event=structs.replace(out.event, attributes=attributes))
