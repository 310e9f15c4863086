"""Forgetting on a schedule: executions that are over go when they have been over for long enough.

One goes with all that it started as its steps, when the last of them has been over for so long.
Work is done in small pieces, with as long a pause behind each, so that what goes on has its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from pavane.core.model.status import ENDED
from pavane.engine.request import unknown
from pavane.errors import ConflictError, PavaneError
from pavane.ports.clock import Clock
from pavane.ports.store import Store

_LOG = logging.getLogger("pavane.engine")

_ROUNDS: Final = 20  # in the time for which executions are kept
_PAUSE_S: Final = (0.05, 3600.0)  # shortest and longest between two rounds
_FIRST_S: Final = 60.0  # longest before the first one
_BREATH_S: Final = 0.001  # at least, behind each piece
_LOOKED_AT: Final = 200  # headers at a time
_FORGOTTEN: Final = 20  # executions in one transaction
_SWEPT: Final = 1000  # rows in one transaction
_EVER: Final = 1 << 62


class Forgetting:
    """Lets what is over go from a store. `keep_s`: how long after its end; 0: never by itself."""

    def __init__(
        self, store: Store, clock: Clock, keep_s: float, on_duty: Callable[[], bool] = lambda: True
    ) -> None:
        self._past = store.past
        self._store = store
        self._clock = clock
        self._keep_ms = int(keep_s * 1000)
        self._on_duty = on_duty
        shortest_s, longest_s = _PAUSE_S
        often_s = min(max(keep_s / _ROUNDS, shortest_s), longest_s)
        self._pause_s = often_s if keep_s else longest_s
        self.forgotten = 0
        """Executions that nobody else is a step of, since this process began."""

    async def run(self) -> None:
        """A round now and then, for ever; cancel to stop."""
        await asyncio.sleep(min(self._pause_s, _FIRST_S))
        while True:
            try:
                if self._on_duty():
                    await self.round()
            except PavaneError as error:
                _LOG.warning("nothing can be forgotten now: %s", error)
            await asyncio.sleep(self._pause_s)

    async def round(self) -> None:
        """All that is over for long enough, and what was left of what went before."""
        await self._sweep()
        if not self._keep_ms:
            return
        now = self._clock.now()
        before, after, more = now - self._keep_ms, "", True
        while more:
            over, after = await self._past.over(before, after, _LOOKED_AT)
            for at in range(0, len(over), _FORGOTTEN):
                begun = asyncio.get_running_loop().time()
                gone = await self._past.forget(over[at : at + _FORGOTTEN], before)
                self.forgotten += len(gone)
                await _breathe(begun)
            if over:
                await self._sweep()
            more = bool(after)
        await self._past.prepare(now, self._keep_ms)

    async def remove(self, execution_id: str) -> None:
        """Forget one that has ended, now, with all that it started as its steps.

        NotFoundError; ConflictError where it goes on, or is a step of another.
        """
        async with self._store.snapshot() as view:
            header = await view.header(execution_id)
        if header is None:
            raise unknown(execution_id)
        if header.parent_id:
            raise ConflictError(
                f"Execution {execution_id} is a step of {header.parent_id}.",
                "Remove that one: all that belongs to it goes with it.",
            )
        if header.status not in ENDED:
            raise ConflictError(
                f"Execution {execution_id} is {header.status}: it has not ended.",
                "Let it end, or terminate it first.",
            )
        gone = await self._past.forget([execution_id], _EVER, wipe=True)
        if not gone and not await self._is_gone(execution_id):
            raise ConflictError(
                f"Execution {execution_id} goes on, or something that it started as a step does.",
                "Remove it when all of it has ended.",
            )
        self.forgotten += 1
        await self._sweep()

    async def _is_gone(self, execution_id: str) -> bool:
        """After a lost connection the answer may be lost, and not what was asked."""
        async with self._store.snapshot() as view:
            return await view.header(execution_id) is None

    async def _sweep(self) -> None:
        while True:
            begun = asyncio.get_running_loop().time()
            if not await self._past.sweep(_SWEPT):
                return
            await _breathe(begun)


async def _breathe(begun: float) -> None:
    """As long as the piece has taken."""
    await asyncio.sleep(max(_BREATH_S, asyncio.get_running_loop().time() - begun))
