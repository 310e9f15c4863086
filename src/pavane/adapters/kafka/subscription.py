"""A member of a group on Kafka."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from pavane.adapters.kafka.counters import KafkaCounters
from pavane.adapters.kafka.group import Group
from pavane.adapters.kafka.lanes import Item, Lane
from pavane.adapters.kafka.wire import decode
from pavane.ports.bus import Delivery


class KafkaSubscription:
    """`left` is told when it has closed."""

    def __init__(
        self,
        group: Group,
        topics: list[str],
        capacity: int,
        counters: KafkaCounters,
        left: Callable[[KafkaSubscription], Awaitable[None]],
    ) -> None:
        self.topics = topics
        self.group = group
        self.capacity = capacity
        self.closed = False
        self.assigned: deque[Item] = deque()
        self._counters = counters
        self._left = left
        self._version = -1
        self._lanes: deque[Lane] = deque()
        self._held: dict[object, Item] = {}
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._waited = True  # the last one who took had to
        group.members[self] = None

    async def take(self, limit: int) -> list[Delivery]:
        """The next events; waits until there is one."""
        if not self._waited:  # a busy reader may not keep the loop from what else it has to do
            await asyncio.sleep(0)
        self._waited = False
        while not self.closed:
            if taken := self._take_now(min(limit, self.capacity - len(self._held))):
                return taken
            woken = asyncio.get_running_loop().create_future()
            self._waiting[woken] = None
            self._waited = True
            try:
                await woken
            finally:
                self._waiting.pop(woken, None)
        return []

    def _take_now(self, limit: int) -> list[Delivery]:
        if self._version != self.group.version:
            self._version = self.group.version
            self._lanes = deque(self.group.lanes(self.topics))
        taken: list[Delivery] = []
        lanes, assigned = self._lanes, self.assigned
        left = len(lanes)  # those that may have something
        while len(taken) < limit:
            if assigned:
                taken.append(self._deliver(assigned.popleft()))
            elif not left:
                break
            elif (item := lanes[0].pull(self)) is not None:
                left = len(lanes)
                taken.append(self._deliver(item))
            else:
                left -= 1
                lanes.rotate(-1)
        lanes.rotate(-1)  # so that a busy topic does not keep the others waiting
        self._counters.deliveries += len(taken)
        return taken

    def _deliver(self, item: Item) -> Delivery:
        item.lane.take(item)
        tag = object()
        self._held[tag] = item
        event, fault = decode(item.message)
        if fault and item.times == 1:
            self._counters.unreadable += 1
        key = item.key
        named = key.decode() if key.isascii() else key.decode("utf-8", "backslashreplace")
        return Delivery(item.lane.topic, event, item.times, tag, fault, named)

    def wake(self) -> None:
        """There may be something to take."""
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Never deliver them to this group again; the commit follows within a moment."""
        items = self._let_go(deliveries)
        self._counters.done += len(items)
        if items:
            self.group.done(items)

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        """Deliver it again once the time has passed, behind what is there then."""
        for item in self._let_go([delivery]):
            self._counters.given_back += 1
            self.group.give_back(item, delay_ms)

    def _let_go(self, deliveries: Sequence[Delivery]) -> list[Item]:
        """What of it is in hand; the rest is somebody else's by now."""
        held, items = self._held, list[Item]()
        for each in deliveries:
            if (item := held.pop(each.tag, None)) is not None:
                item.lane.release(item)
                items.append(item)
        if items:
            self.wake()  # there is room for others
        return items

    async def close(self) -> None:
        """Leave the group; what was taken and is not done goes to others."""
        if not self.closed:
            self.leave()
            await self._left(self)

    def leave(self) -> None:
        """Be no member any more."""
        if self.closed:
            return
        self.closed = True
        del self.group.members[self]
        for item in (*self._held.values(), *self.assigned):
            item.lane.release(item)
            item.lane.redeliver(item)
        self._held.clear()
        self.assigned.clear()
        self.group.wake()
        self.wake()
