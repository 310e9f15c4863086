"""Forgetting on a schedule: what a service no longer needs goes, and nothing that may come again.

An inbox id stays as long as its message may be delivered again, whatever its age: on a bus that
outlives its processes, a message that is not done is kept there with the time at which it was
written, and whatever was handled later than that may stand behind it and come again with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from pavane.errors import PavaneError
from pavane.participant.forgetting import Forgetting
from pavane.participant.relay import OFFSET
from pavane.ports.bus import Bus, KeepingBus, LogBus
from pavane.ports.clock import Clock
from pavane.ports.ledger import Ledger, PrunableLog

_LOG = logging.getLogger("pavane.participant")

_ROUNDS: Final = 20  # in the time for which things are kept
_PAUSE_S: Final = (0.05, 3600.0)  # shortest and longest between two rounds


def pause_s(keep_ms: int) -> float:
    """Seconds between two rounds: what is too old goes within a twentieth of the time more."""
    shortest_s, longest_s = _PAUSE_S
    return min(max(keep_ms / 1000 / _ROUNDS, shortest_s), longest_s)


class Retention:
    """Prunes one service's ledger. `keep_ms`: how long after its end or handling; 0: for ever.

    The log goes as far as all have read it: those whom the bus knows where it reads logs itself,
    else the relay. `tell` writes into it anew what stands, before the record that told of it last
    is so old that it goes; `forgetting` tells other roles which executions go.
    """

    def __init__(
        self,
        group: str,
        ledger: Ledger,
        bus: Bus,
        clock: Clock,
        keep_ms: int,
        tell: Callable[[], Awaitable[None]] | None = None,
        forgetting: Forgetting | None = None,
    ) -> None:
        self._group = group
        self._ledger = ledger
        self._bus = bus if isinstance(bus, KeepingBus) else None
        self._logs = bus if isinstance(bus, LogBus) else None
        self._clock = clock
        self._keep_ms = keep_ms
        self._tell = tell
        self._forgetting = forgetting
        self._told_at = clock.now()  # a service tells when it starts
        self.forgotten = 0  # inbox ids, executions and records, together

    async def run(self) -> None:
        """Prune now and then, for ever. Never at once: what comes again at a start comes first."""
        if not self._keep_ms:
            return
        while True:
            await asyncio.sleep(pause_s(self._keep_ms))
            try:
                await self.prune()
            except PavaneError as error:
                _LOG.warning("%s cannot prune now: %s", self._group, error)

    async def prune(self) -> None:
        """One round, in transactions of bounded size, with room for others between them."""
        now = self._clock.now()
        before = now - self._keep_ms
        if self._tell is not None and now - self._told_at >= self._keep_ms // 2:
            await self._tell()
            self._told_at = now
        until = before
        if self._bus is not None and (undone := await self._bus.undone_since(self._group)):
            until = min(before, undone)
        if self._forgetting is not None:
            await self._forgetting.tell(until)
        self.forgotten += await self._ledger.prune(until, until)
        if self._forgetting is not None:
            self._forgetting.gone()
        if self._logs is not None:
            self.forgotten += await self._logs.prune(self._ledger, before)
        elif isinstance(self._ledger, PrunableLog):
            relayed = await self._ledger.offset(OFFSET)
            self.forgotten += await self._ledger.prune_log(relayed, before)
