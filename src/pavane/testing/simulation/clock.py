"""The wall clock of virtual time."""

from __future__ import annotations

import asyncio

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class VirtualClock:
    """A `Clock` that follows the time of an event loop, by default the one that is running."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, start_ms: int = START_MS
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._start_ms = start_ms

    def now(self) -> int:
        """Epoch milliseconds."""
        return self._start_ms + round(self._loop.time() * 1000)

    def step(self, by_ms: int) -> None:
        """Set the clock forward, or back with a negative value, as an operator or NTP might."""
        self._start_ms += by_ms
