"""Who waits for executions in this process: for their end, or for any change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from pavane.core.model.rows import Header

LOOK_S: Final = 1.0
"""How often those look who may not be told."""

NOTHING, ENDS, CHANGES = 0, 1, 2
"""What somebody wants to know of executions; each includes those before it."""

_WAITED_S: Final = 60.0  # who has waited lately will again


class Changes:
    """Ids of executions that changed since they were last asked for, nothing twice.

    With a `limit`, no more than so many are kept for somebody who asks seldom: beyond it they are
    forgotten, and `get` gives none, which means to look at everything again.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._ids: dict[str, None] = {}
        self._too_many = False
        self._some = asyncio.Event()

    def add(self, execution_id: str) -> None:
        """The execution has changed."""
        if self._limit and len(self._ids) >= self._limit and execution_id not in self._ids:
            self._too_many = True
            self._ids.clear()
        if not self._too_many:
            self._ids[execution_id] = None
        self._some.set()

    def everything(self) -> None:
        """Any execution may have changed."""
        self._too_many = True
        self._ids.clear()
        self._some.set()

    async def get(self) -> set[str]:
        """Wait for a change; everything that changed since the last call, none if too much did."""
        await self._some.wait()
        self._some.clear()
        found = set(self._ids)
        self._ids.clear()
        self._too_many = False
        return found


class Waiting:
    """Futures by execution, and subscriptions to everything."""

    def __init__(self) -> None:
        self._ends: dict[str, list[asyncio.Future[Header]]] = {}
        self._changes: list[Changes] = []
        self._waited_at = -_WAITED_S
        self.on_interest: Callable[[], None] = lambda: None  # called when `follows` goes up

    def follows(self) -> int:
        """What somebody here wants to know."""
        if self._changes:
            return CHANGES
        since = asyncio.get_running_loop().time() - _WAITED_S
        return ENDS if self._ends or self._waited_at > since else NOTHING

    def awaits(self, execution_id: str) -> bool:
        """Whether somebody waits for its end."""
        return execution_id in self._ends

    def end_of(self, execution_id: str) -> asyncio.Future[Header]:
        """A future for the end of an execution. Forget it when it is not awaited any more."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Header] = loop.create_future()
        is_news = self.follows() < ENDS
        self._waited_at = loop.time()
        self._ends.setdefault(execution_id, []).append(future)
        if is_news:
            self.on_interest()
        return future

    def forget(self, execution_id: str, future: asyncio.Future[Header]) -> None:
        """Nobody waits with this future any more."""
        waiting = self._ends.get(execution_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._ends.pop(execution_id, None)

    def ended(self, header: Header) -> None:
        """Tell everybody who waits for this execution."""
        for future in self._ends.pop(header.id, []):
            if not future.done():
                future.set_result(header)

    def changed(self, execution_id: str) -> None:
        """Tell everybody who follows what happens."""
        for changes in self._changes:
            changes.add(execution_id)

    def everything(self) -> None:
        """Tell everybody who follows what happens to look at everything again."""
        for changes in self._changes:
            changes.everything()

    @contextmanager
    def subscription(self, changes: Changes | None = None) -> Generator[Changes]:
        """Follow all changes while the context lasts; those that are given hear of others too."""
        changes = changes or Changes()
        self._changes.append(changes)
        if len(self._changes) == 1:
            self.on_interest()
        try:
            yield changes
        finally:
            self._changes.remove(changes)
