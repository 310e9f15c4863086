"""A store whose commits take virtual time, so that much happens, or all ends, in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from pavane.errors import StoreFullError
from pavane.ports.store import Store, Unit

WRITING: Final = "writing"  # the commit is under way, nothing is durable
WRITTEN: Final = "written"  # durable, and even the engine does not know it yet


class CrashableStore(Store, Protocol):
    """A store that can show what a new process would find."""

    def crash(self) -> CrashableStore:
        """The store of the next process; this one serves nobody any more."""
        ...


class SlowStore:
    """Passes everything on; a commit waits before and after it is done."""

    def __init__(
        self,
        inner: CrashableStore,
        commit_s: float,
        full: tuple[float, float],
        at: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._commit_s = commit_s
        self._full_from_s, self._full_until_s = full
        self._at = at

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        """Write the units."""
        self._at(WRITING)
        if self._commit_s:
            await asyncio.sleep(self._commit_s)
        if self._full_from_s <= asyncio.get_running_loop().time() < self._full_until_s:
            raise StoreFullError("The simulated disk has no room left.", "Wait a moment.")
        lost = await self._inner.commit(units)
        self._at(WRITTEN)
        if self._commit_s:
            await asyncio.sleep(self._commit_s)
        return lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def slow(
    inner: CrashableStore, commit_s: float, full: tuple[float, float], at: Callable[[str], None]
) -> CrashableStore:
    """The store, with commits that take twice `commit_s`; `at` is told of their middle.

    `full` is from when to when, on the loop's clock, no commit finds room.
    """
    return cast(CrashableStore, SlowStore(inner, commit_s, full, at))
