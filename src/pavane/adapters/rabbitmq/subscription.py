"""A member of a group on RabbitMQ."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pavane.adapters.rabbitmq.lanes import Item
from pavane.ports.bus import Delivery

if TYPE_CHECKING:
    from pavane.adapters.rabbitmq.group import Group


class RabbitSubscription:
    """What a member has in its hands; the group knows what came, and tells the broker."""

    def __init__(self, group: Group, topics: Sequence[str], capacity: int) -> None:
        self.group = group
        self.topics = tuple(topics)
        self.assigned: deque[Item] = deque()
        self.closed = False
        self._capacity = capacity
        self._held: dict[object, Item] = {}
        self._turns = deque(topics)
        self._waiting: dict[asyncio.Future[None], None] = {}

    async def take(self, limit: int) -> list[Delivery]:
        """The next events; waits until there is one."""
        while not self.closed:
            self._drop_lost()
            if taken := self._take_now(min(limit, self._capacity - len(self._held))):
                return taken
            woken = asyncio.get_running_loop().create_future()
            self._waiting[woken] = None
            try:
                await woken
            finally:
                self._waiting.pop(woken, None)
        return []

    def _take_now(self, limit: int) -> list[Delivery]:
        taken: list[Delivery] = []
        while len(taken) < limit and (item := self._next()) is not None:
            tag = object()
            self._held[tag] = item
            read = item.read
            of_key = (tag, read.fault, read.key)
            taken.append(Delivery(item.lane.topic, read.event, item.times, *of_key))
        self._turns.rotate(-1)  # so that a busy topic does not keep the others waiting
        self.group.counters.deliveries += len(taken)
        return taken

    def _next(self) -> Item | None:
        if self.assigned:
            return self.assigned.popleft()
        for topic in self._turns:
            if (item := self.group.lanes[topic].pull(self)) is not None:
                return item
        return None

    def _drop_lost(self) -> None:
        """What the broker has taken back is not in our hands any more: it comes again."""
        for tag in [tag for tag, item in self._held.items() if not item.valid]:
            del self._held[tag]
        if any(not item.valid for item in self.assigned):
            self.assigned = deque(item for item in self.assigned if item.valid)

    def wake(self) -> None:
        """There may be something to take."""
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Never deliver them to this group again."""
        items = [item for each in deliveries if (item := self._held.get(each.tag)) is not None]
        await self.group.acknowledge(items)
        for each in deliveries:
            self._let_go(each)
        self.group.counters.done += len(items)

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        """Deliver it again once the time has passed, behind what is there then."""
        item = self._held.get(delivery.tag)
        if item is None:
            return
        await self.group.give_back(item, delay_ms)
        self._let_go(delivery)
        self.group.counters.given_back += 1

    def _let_go(self, delivery: Delivery) -> None:
        item = self._held.pop(delivery.tag, None)  # None: it is somebody else's by now
        if item is not None:
            item.lane.release(item)
            self.wake()  # there is room for another

    async def close(self) -> None:
        """Leave the group; what was taken and is not done goes to others."""
        if not self.closed:
            self.leave()
            await self.group.left()

    def leave(self) -> None:
        """Be no member any more."""
        self.closed = True
        del self.group.members[self]
        for item in (*self._held.values(), *self.assigned):
            item.lane.release(item)
            item.lane.redeliver(item)
        self._held.clear()
        self.assigned.clear()
        self.group.wake()
        self.wake()
