"""Queues: what must not overtake each other goes one after the other, first come, first served;

and how many go at once in all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Queues:
    """Queues by name. A place is taken at once, in the order of the calls, and waited for later."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, Place] = {}

    def take(self, name: str) -> Place:
        """The next place of this queue. Whoever takes it must `leave` it, come what may."""
        place = Place(self, name, self._last.get(name))
        self._last[name] = place
        return place

    def forget(self, place: Place) -> None:
        """Nobody waits for it any more; its queue goes when it was the last one."""
        if self._last.get(place.name) is place:
            del self._last[place.name]


class Place:
    """A place in a queue."""

    __slots__ = ("_before", "_over", "_queues", "name")

    def __init__(self, queues: Queues, name: str, before: Place | None) -> None:
        self.name = name
        self._queues = queues
        self._before = before
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def come(self) -> None:
        """Wait until all before it are over."""
        if self._before is not None:
            await asyncio.shield(self._before._over)
            self._before = None

    def leave(self) -> None:
        """Let the next one go; leaving twice is fine."""
        before = self._before
        if before is None or before._over.done():
            self._end()
        else:  # it left before its turn: the next one still waits for those before it
            before._over.add_done_callback(lambda _: self._end())

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
            self._queues.forget(self)


class AtOnce:
    """So many at once, first come, first served: `async with`.

    asyncio's own semaphore looks, for each that leaves, at all whom it has called and who have not
    come yet: with hundreds at a time that was a twelfth of what an event costs.
    """

    __slots__ = ("_free", "_waiting")

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(called)
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # its place was given to it before it gave up
                self._next()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._next()

    def _next(self) -> None:
        """Give the place to whoever has waited longest."""
        while self._waiting:
            called = self._waiting.popleft()
            if not called.done():
                called.set_result(None)
                return
        self._free += 1
