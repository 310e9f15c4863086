"""The bus in memory: topics that are kept, and groups that read them at their own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from pavane.adapters.counting import BusCounters
from pavane.adapters.memory.topics import Group, Item, Topics
from pavane.core.model.event import CloudEvent, Outgoing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import Delivery


class MemoryBus:
    """One process's connection to the topics; they are kept as long as anybody holds one.

    Simulations set `down` to let publishing and subscribing fail, take `another` connection for
    each further process, and call `crash` when a process dies. Timers run on the running loop.
    """

    features: frozenset[str] = frozenset({"ordered", "kept"})

    def __init__(self) -> None:
        self.down = False
        self._open = False
        self._topics = Topics()
        self._members: list[MemorySubscription] = []

    @property
    def counters(self) -> BusCounters:
        """What was done on these topics, by all connections."""
        return self._topics.counters

    def another(self) -> MemoryBus:
        """A connection of another process to the same topics, not open yet."""
        new = type(self)()
        new._topics = self._topics
        return new

    def crash(self) -> MemoryBus:
        """The process is dead: its members are gone; what a new process would open comes back."""
        new = self.another()
        self._leave()
        return new

    async def open(self) -> None:
        """Begin to serve."""
        self._open = True
        self._topics.resume()

    async def close(self) -> None:
        """Stop serving; the members leave their groups."""
        self._leave()

    def _leave(self) -> None:
        self._open = False
        for member in self._members:
            member.leave()
        self._members.clear()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over, in this order."""
        self._check_reachable()
        counters = self.counters
        counters.publishes += 1
        counters.published += len(events)
        counters.published_bytes += sum(size(out.event) for out in events)
        self._topics.append(events)

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        """Join a group that gets the events of these topics, from their first on."""
        self._check_reachable()
        names = list(dict.fromkeys(topics))
        joined = self._topics.join(group, names)
        member = MemorySubscription(self._topics, joined, names, capacity)
        self._members = [*(m for m in self._members if not m.closed), member]
        return member

    def _check_reachable(self) -> None:
        if not self._open:
            raise ConnectionFailedError("The memory bus is not open.", "Call open() first.")
        if self.down:
            raise ConnectionFailedError("The simulated bus is down.", "Wait a moment.")


class MemorySubscription:
    """A member of a group in memory."""

    def __init__(self, topics: Topics, group: Group, names: list[str], capacity: int) -> None:
        self.assigned: deque[Item] = deque()
        self._topics = topics
        self._group = group
        self._lanes = deque(group.lanes[name] for name in names)
        self._capacity = capacity
        self._held: dict[object, Item] = {}
        self._waiting: dict[asyncio.Future[None], None] = {}
        self.closed = False
        group.members[self] = None

    async def take(self, limit: int) -> list[Delivery]:
        """The next events; waits until there is one."""
        while not self.closed:
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
            item.times += 1
            tag = object()
            self._held[tag] = item
            taken.append(Delivery(item.out.topic, item.out.event, item.times, tag))
        self._lanes.rotate(-1)  # so that a busy topic does not keep the others waiting
        self._topics.counters.deliveries += len(taken)
        return taken

    def _next(self) -> Item | None:
        if self.assigned:
            return self.assigned.popleft()
        for lane in self._lanes:
            if (item := lane.pull(self)) is not None:
                return item
        return None

    def wake(self) -> None:
        """There may be something to take."""
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Never deliver them to this group again."""
        for delivery in deliveries:
            if self._let_go(delivery) is not None:
                self._topics.counters.done += 1

    async def back(self, delivery: Delivery, delay_ms: int) -> None:
        """Deliver it again once the time has passed, behind what is there then."""
        item = self._let_go(delivery)
        if item is not None:
            self._topics.counters.given_back += 1
            self._topics.give_back(self._group, item, delay_ms / 1000)

    def _let_go(self, delivery: Delivery) -> Item | None:
        item = self._held.pop(delivery.tag, None)  # None: it is somebody else's by now
        if item is not None:
            self._group.lanes[item.out.topic].release(item)
            self.wake()  # there is room for another
        return item

    async def close(self) -> None:
        """Leave the group; what was taken and is not done goes to others."""
        self.leave()

    def leave(self) -> None:
        """What `close` does, and a broker when a connection is gone."""
        if self.closed:
            return
        self.closed = True
        del self._group.members[self]
        for item in (*self._held.values(), *self.assigned):
            lane = self._group.lanes[item.out.topic]
            lane.release(item)
            lane.redeliver(item)
        self._held.clear()
        self.assigned.clear()
        self._group.wake()
        self.wake()


def size(event: CloudEvent) -> int:
    """The bytes of the data, of all attributes that are text, and of the extensions' names."""
    own = (event.id, event.source, event.type, event.subject, event.datacontenttype)
    texts = "".join((*own, event.dataschema, *event.attributes, *event.attributes.values()))
    return len(event.data) + (len(texts) if texts.isascii() else len(texts.encode()))
