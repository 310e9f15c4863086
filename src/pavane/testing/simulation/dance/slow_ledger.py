"""A ledger whose commits take virtual time, so that a process may die in the middle of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.ports.ledger import Entry, Ledger
from pavane.testing.simulation.slow_store import WRITING, WRITTEN


class SlowLedger:
    """Passes everything on; a commit waits before and after it is durable."""

    def __init__(self, inner: MemoryLedger, commit_s: float, at: Callable[[str], None]) -> None:
        self._inner = inner
        self._commit_s = commit_s
        self._at = at

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        """Write the entries."""
        self._at(WRITING)
        if self._commit_s:
            await asyncio.sleep(self._commit_s)
        lost = await self._inner.commit(entries)
        self._at(WRITTEN)
        if self._commit_s:
            await asyncio.sleep(self._commit_s)
        return lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def slow_ledger(inner: MemoryLedger, commit_s: float, at: Callable[[str], None]) -> Ledger:
    """The ledger, with commits that take twice `commit_s`; `at` is told of their middle."""
    return cast(Ledger, SlowLedger(inner, commit_s, at))
