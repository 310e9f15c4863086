"""A place on a bus that is listened to for as long as the process lives, whatever the bus does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Bus, Delivery, Subscription

_LOG = logging.getLogger("pavane.bus")

PAUSE_S: Final = (0.05, 5.0)
_MOST: Final = 500

Handle = Callable[[Sequence[Delivery], Subscription], Awaitable[None]]


async def follow(
    bus: Bus,
    group: str,
    topics: Sequence[str],
    handle: Handle,
    *,
    capacity: int = 1000,
    joined: Callable[[Subscription], None] = lambda _: None,
) -> None:
    """Hand on what comes, in order, until the bus is closed or the task is cancelled.

    A connection that is lost is made again. `joined` is told of each subscription.
    """
    pause_s, longest_s = PAUSE_S
    while True:
        try:
            subscription = await bus.subscribe(group, topics, capacity=capacity)
            try:
                joined(subscription)
                while taken := await subscription.take(_MOST):
                    await handle(taken, subscription)
                    pause_s = PAUSE_S[0]
                return
            finally:
                with contextlib.suppress(ConnectionFailedError):
                    await subscription.close()
        except ConnectionFailedError as error:
            _LOG.warning("%s cannot be followed, trying again: %s", topics[0], error)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)


async def until_done(tell: Callable[[], Awaitable[None]]) -> None:
    """Tell the bus something, again until it has heard it."""
    pause_s, longest_s = PAUSE_S
    while True:
        try:
            return await tell()
        except ConnectionFailedError as error:
            _LOG.warning("the bus is not reached, trying again: %s", error)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)


class Outbox:
    """What is to be published, in order, in batches, again until the bus has it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: list[tuple[Outgoing, Callable[[], None]]] = []
        self._something = asyncio.Event()

    def put(self, out: Outgoing, sent: Callable[[], None] = lambda: None) -> None:
        """Send it soon; `sent` is called when the bus has it."""
        self._waiting.append((out, sent))
        self._something.set()

    async def run(self) -> None:
        """Send, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                batch = self._waiting[:_MOST]
                await until_done(lambda: self._bus.publish([out for out, _ in batch]))  # noqa: B023  # it is called before the loop goes on
                del self._waiting[: len(batch)]
                for _, sent in batch:
                    sent()
