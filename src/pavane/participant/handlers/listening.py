"""A service of hand-written handlers alone: from the bus to the handlers, and back to the bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from pavane.errors import PavaneError
from pavane.participant.handlers.reactions import Reactions
from pavane.participant.points import NoProbe
from pavane.participant.relay import Relay
from pavane.participant.timers import Timers
from pavane.ports.bus import Bus, Delivery, Subscription
from pavane.ports.clock import Clock
from pavane.ports.ledger import Entry, Ledger, Todo
from pavane.ports.probe import Probe

_LOG = logging.getLogger("pavane.handler")

_PAUSE_S = 1.0  # after trouble
_BATCH = 100


class Listening:
    """Takes events from the bus as the group of its service, and sends what is in the log.

    `capacity` bounds how many events are taken and not done. `relay=False` where something else
    hands the log to the bus. Bus and ledger are open before `start`, and closed after `stop`.
    """

    def __init__(
        self,
        bus: Bus,
        ledger: Ledger,
        clock: Clock,
        reactions: Reactions,
        *,
        capacity: int = 1000,
        relay: bool = True,
        probe: Probe | None = None,
    ) -> None:
        self._bus = bus
        self._reactions = reactions
        self._capacity = capacity
        group = reactions.service
        self._relay = Relay(ledger, bus, probe or NoProbe(), group) if relay else None
        self._timers = Timers(ledger, clock, self._ring)
        self._subscription: Subscription | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._going: set[asyncio.Future[Any]] = set()

    async def start(self) -> None:
        """Join the group and begin."""
        self._reactions.on_commit(self._committed)
        topics = self._reactions.handlers.topics
        loops: list[Coroutine[Any, Any, None]] = [self._timers.run()]
        if self._relay is not None:
            loops.append(self._relay.run())
        if topics:
            self._subscription = await self._bus.subscribe(
                self._reactions.service, topics, capacity=self._capacity
            )
            loops.append(self._take(self._subscription))
        self._loops = [asyncio.ensure_future(loop) for loop in loops]

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take nothing more, wait for what is going on, and leave what takes longer.

        What is left comes again: it was neither committed nor acknowledged.
        """
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._going:
            _, left = await asyncio.wait(self._going, timeout=grace_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()

    def _committed(self, entry: Entry) -> None:
        if self._relay is not None:
            self._relay.wake()
        for todo in entry.todos:
            self._timers.notice(todo.due)

    async def _take(self, subscription: Subscription) -> None:
        while True:
            try:
                deliveries = await subscription.take(_BATCH)
            except PavaneError as error:
                _LOG.warning("%s cannot take events: %s", self._reactions.service, error)
                await asyncio.sleep(_PAUSE_S)
                continue
            if not deliveries:
                return
            for delivery in deliveries:  # put in line here, so that none overtakes another
                handling = self._reactions.handle(delivery)
                self._keep(handling)
                self._follow(self._finish(subscription, delivery, handling))

    async def _finish(
        self, subscription: Subscription, delivery: Delivery, handling: asyncio.Future[Any]
    ) -> None:
        try:
            await handling
        except Exception:  # noqa: BLE001  # no fault of one message may end the loop
            _LOG.exception("%s could not be handled and comes again", delivery.event.id)
            await subscription.back(delivery, int(_PAUSE_S * 1000))
        else:
            await subscription.done([delivery])

    def _ring(self, todo: Todo) -> None:
        if self._reactions.owns(todo):
            self._follow(self._fire(todo))

    async def _fire(self, todo: Todo) -> None:
        try:
            await self._reactions.fire(todo)
        except Exception:  # noqa: BLE001  # as above; it stays due
            _LOG.exception("%s could not be tried again", todo.name)
            await asyncio.sleep(_PAUSE_S)
        finally:
            self._timers.rung(todo.execution, todo.name)

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.ensure_future(work))

    def _keep(self, future: asyncio.Future[Any]) -> None:
        self._going.add(future)
        future.add_done_callback(self._going.discard)
