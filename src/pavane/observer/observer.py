"""The observer at work: it follows the journal on the bus and tells who asks what has changed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from typing import Final

from pavane.core.model import status as st
from pavane.core.model.event import CloudEvent
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, HistoryEntry
from pavane.engine.waiting import Changes
from pavane.errors import ConnectionFailedError, ResultTimeoutError
from pavane.observer import flows, frontier, happened, records
from pavane.observer.fold import Picture
from pavane.observer.views import Views
from pavane.ports.bus import JOURNAL, Bus, Subscription
from pavane.ports.clock import Clock
from pavane.ports.ledger import Record
from pavane.ports.store import Search

_LOG = logging.getLogger("pavane.observer")

GROUP: Final = "_pavane.observer"
_BATCH = 256
_REFUSED_KEPT = 100
_AGAIN_AFTER_S = 1.0
_ALL = 1 << 40
_ROUNDS = 20  # in the time for which something is kept
_SHORTEST_S = 0.05  # between two rounds


class Observer:
    """What journals tell, as executions. Several observers need a group each: all see all.

    `refused` holds the newest of the records that could not be read, `refused_count` counts all.
    """

    def __init__(
        self, bus: Bus, clock: Clock, *, group: str = GROUP, picture: Picture | None = None
    ) -> None:
        self.picture = picture or Picture()
        self.views = Views(self.picture)
        self.refused: deque[records.Refused] = deque(maxlen=_REFUSED_KEPT)
        self.refused_count = 0
        self.heard = 0  # records, good or bad
        self._bus = bus
        self._clock = clock
        self.group = group
        self._subscription: Subscription | None = None
        self._following: asyncio.Task[None] | None = None
        self._followers: list[Changes] = []
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    # --- following ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Subscribe to the journal and follow it until `close`."""
        self._subscription = await self._bus.subscribe(self.group, [JOURNAL])
        self._following = asyncio.create_task(self._follow(self._subscription))

    async def close(self) -> None:
        """Stop following; what is known stays readable. Closing twice is fine."""
        following, self._following = self._following, None
        subscription, self._subscription = self._subscription, None
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        if subscription is not None:
            await subscription.close()

    def rebuild(self, log: Iterable[Record]) -> None:
        """Learn what stands in a role's log; logs may come one after another, in any order."""
        for record in log:
            if record.out.topic == JOURNAL:
                self._learn(record.out.event, record.position)

    async def _follow(self, subscription: Subscription) -> None:
        while True:
            try:
                deliveries = await subscription.take(_BATCH)
                if not deliveries:
                    return  # somebody closed it
                for each in deliveries:
                    if each.fault:
                        self._refuse(each.event, each.fault)
                    else:
                        self._learn(each.event)
                await subscription.done(deliveries)
            except ConnectionFailedError as error:
                _LOG.warning("the journal cannot be followed, trying again: %s", error)
                await asyncio.sleep(_AGAIN_AFTER_S)
                subscription = await self._subscribe_again(subscription)

    async def _subscribe_again(self, old: Subscription) -> Subscription:
        while True:
            try:
                new = await self._bus.subscribe(self.group, [JOURNAL])
            except ConnectionFailedError:
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            self._subscription = new
            with contextlib.suppress(ConnectionFailedError):
                await old.close()
            return new

    def _learn(self, event: CloudEvent, position: int | None = None) -> None:
        """A record that cannot be read is kept with its reason and stops nobody."""
        self.heard += 1
        try:
            told = records.read(event, position)
        except ValueError as error:
            self._refuse(event, str(error))
            return
        changed = dict.fromkeys(id for record in told for id in self.picture.take(*record))
        for id in changed:
            for follower in self._followers:
                follower.add(id)
            for future in self._waiting.get(id, ()):
                if not future.done():
                    future.set_result(None)

    def _refuse(self, event: CloudEvent, why: str) -> None:
        refused = records.Refused(event.source, event.id, why, self._clock.now())
        self.refused.append(refused)
        self.refused_count += 1
        _LOG.warning("a journal record of %r was refused: %s", event.source, why)

    async def forget_for_ever(self, keep_ms: int) -> None:
        """Forget what is over now and then, until cancelled: the picture would else only grow."""
        while True:
            await asyncio.sleep(max(keep_ms / 1000 / _ROUNDS, _SHORTEST_S))
            self.forget(self._clock.now() - keep_ms)

    def forget(self, before: int) -> int:
        """Forget executions that ended before a time (ms), and flows of which nothing was told

        since then; how many. What people wait for stays.
        """
        over = [
            id
            for id, flow in self.picture.flows.items()
            if max(told.note.time for each in flow.handlings.values() for told in each.values())
            < before
        ]
        for each in self.executions(Search(limit=_ALL)):
            if each.ended_at and each.ended_at < before and not each.parent_id:
                over.append(each.id)
        gone = [id for id in dict.fromkeys(over) if id not in self._waiting]
        for id in gone:
            self.picture.forget(id)
        return len(gone)

    # --- reading --------------------------------------------------------------------------------

    def execution(self, id: str) -> ExecutionView:
        """One execution, scope or flow with its steps; NotFoundError when none is known."""
        return self.views.execution(id)

    def executions(self, wanted: Search | None = None) -> list[ExecutionSummary]:
        """The executions that fit, newest first."""
        return self.views.executions(wanted)

    def history(self, id: str) -> list[HistoryEntry]:
        """What was told of an execution, scope or flow, each status once, oldest first."""
        return happened.history(self.picture, id)

    def edges(self, id: str) -> list[flows.Edge]:
        """Which message led to which in a hand-written flow."""
        flow = self.picture.flows.get(id)
        return flows.edges(self.picture, flow) if flow else []

    def frontier(self, id: str) -> Sequence[frontier.Held]:
        """Who holds an execution, and why."""
        return frontier.frontier(self.picture, id)

    def stuck(self, patience_ms: int) -> list[frontier.Stuck]:
        """Executions in which nothing has moved for longer than one should have to wait."""
        return frontier.stuck(self.picture, self._clock.now(), patience_ms)

    # --- waiting --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def subscribe(self, changes: Changes | None = None) -> Generator[Changes]:
        """Follow all that changes, as `Engine.subscribe`."""
        changes = changes or Changes()
        self._followers.append(changes)
        try:
            yield changes
        finally:
            self._followers.remove(changes)

    async def changed(self, id: str) -> None:
        """Wait until something new is told of an execution (its scopes included) or a flow."""
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(id, set())
        waiting.add(future)
        try:
            await future
        finally:
            waiting.discard(future)
            if not waiting and self._waiting.get(id) is waiting:
                del self._waiting[id]

    async def wait(self, id: str, timeout_s: float) -> ExecutionView:
        """Wait until an execution ends or needs attention. It need not be known yet.

        ResultTimeoutError says who holds it.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while (status := self.views.status(id)) not in st.ENDED | {st.NEEDS_ATTENTION}:
                    await self.changed(id)
        except TimeoutError as error:
            holders = "; ".join(each.why for each in self.frontier(id))
            where = f"it is {status}" if (status := self.views.status(id)) else "nobody told of it"
            raise ResultTimeoutError(
                f"The execution '{id}' did not end within {timeout_s:g} s: {where}.", holders
            ) from error
        return self.views.execution(id)
