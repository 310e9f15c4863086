"""Timers of a participant: what the ledger says is due is put before the role as rings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pavane.errors import PavaneError
from pavane.ports.clock import Clock
from pavane.ports.ledger import Ledger, Todo

_LOG = logging.getLogger("pavane.participant")

_MOST = 200
_PAUSE_S = 1.0
_LONGEST_S = 3600.0


class Timers:
    """Sleeps until the next timer is due; rings each once while it is on its way."""

    def __init__(self, ledger: Ledger, clock: Clock, ring: Callable[[Todo], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ring = ring
        self._next = 0
        self._changed = asyncio.Event()
        self._ringing: set[tuple[str, str]] = set()

    def notice(self, due: int) -> None:
        """A timer was set for then (ms)."""
        if due and (not self._next or due < self._next):
            self._next = due
            self._changed.set()

    def rung(self, execution: str, name: str) -> None:
        """What a ring brought about is durable: the same name may ring again."""
        self._ringing.discard((execution, name))

    async def run(self) -> None:
        """Ring for ever."""
        while True:
            try:
                await self._ring_due()
                self._next = await self._ledger.next_due()
            except PavaneError as error:
                _LOG.warning("the ledger could not say what is due: %s", error)
                await asyncio.sleep(_PAUSE_S)
                continue
            self._changed.clear()
            wait_s = _LONGEST_S
            if self._next:
                # What is due and on its way stays the earliest until it is committed.
                wait_s = max((self._next - self._clock.now()) / 1000, 0.0)
                wait_s = min(wait_s if wait_s > 0 else 0.05, _LONGEST_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _ring_due(self) -> None:
        for todo in await self._ledger.due(self._clock.now(), _MOST):
            place = (todo.execution, todo.name)
            if place not in self._ringing:
                self._ringing.add(place)
                self._ring(todo)
