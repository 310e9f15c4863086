"""What the memory bus keeps: topics with all their events, and how far each group has come.

Everything costs a constant per event. A group has a lane for each of its topics: a position in the
topic's events, and a heap of those that have to be delivered again. A key is held by the member
that has unfinished events of it; what others find of that key they put aside for that member, so
that no event overtakes an earlier one of its key.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Protocol

from pavane.adapters.counting import BusCounters
from pavane.core.model.event import Outgoing


class Item:
    """An event on its way to one group."""

    __slots__ = ("out", "position", "times")

    def __init__(self, position: int, out: Outgoing) -> None:
        self.position = position
        self.out = out
        self.times = 0


class Holder(Protocol):
    """A member of a group, as far as a lane knows it."""

    @property
    def assigned(self) -> deque[Item]:
        """What comes next for this member, because it holds the key."""
        ...

    def wake(self) -> None:
        """There may be something to take."""
        ...


class Hold:
    """A key, the member that holds it, and how many unfinished events of it there are."""

    __slots__ = ("count", "holder")

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.count = 0


class Lane:
    """One topic of one group."""

    def __init__(self, events: list[Outgoing], position: int = 0) -> None:
        self._events = events
        self._position = position
        self._again: list[tuple[int, int, Item]] = []  # heap: (after which position, own, item)
        self._held: dict[str, Hold] = {}

    def pull(self, member: Holder) -> Item | None:
        """The next event for the member, if there is one; the member holds its key from now on."""
        while (item := self._next()) is not None:
            key = item.out.key
            if not key:
                return item
            hold = self._held.get(key)
            if hold is None:
                hold = self._held[key] = Hold(member)
            hold.count += 1
            if hold.holder is member:
                return item
            hold.holder.assigned.append(item)
            hold.holder.wake()
        return None

    def _next(self) -> Item | None:
        if self._again and self._again[0][0] <= self._position:
            return heappop(self._again)[2]
        if self._position < len(self._events):
            self._position += 1
            return Item(self._position, self._events[self._position - 1])
        return None

    def release(self, item: Item) -> None:
        """The member has nothing more to do with the event."""
        if key := item.out.key:
            hold = self._held[key]
            hold.count -= 1
            if not hold.count:
                del self._held[key]

    def redeliver(self, item: Item) -> None:
        """What a member had when it went comes before anything else, in its old order."""
        heappush(self._again, (0, item.position, item))

    def deliver_later(self, item: Item) -> None:
        """What was given back comes after all that is there now, so that it holds up nobody."""
        heappush(self._again, (len(self._events), item.position, item))


class Group:
    """Members that share events. All orders are those of arrival, so that a run can be repeated."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.members: dict[Holder, None] = {}

    def wake(self) -> None:
        """There may be something to take, for anybody."""
        for member in self.members:
            member.wake()


class Topics:
    """Everything that outlives a process: what a broker would hold."""

    def __init__(self) -> None:
        self.counters = BusCounters()
        self._events: dict[str, list[Outgoing]] = {}
        self._groups: dict[str, Group] = {}
        self._readers: dict[str, list[Group]] = {}  # by topic
        self._delays: dict[Item, Delay] = {}

    def append(self, events: Sequence[Outgoing]) -> None:
        """Keep the events, and tell the groups that read their topics."""
        woken: dict[Group, None] = {}
        for out in events:
            self._topic(out.topic).append(out)
            for group in self._readers.get(out.topic, ()):
                woken[group] = None
        for group in woken:
            group.wake()

    def _topic(self, name: str) -> list[Outgoing]:
        return self._events.setdefault(name, [])

    def join(self, name: str, topics: Sequence[str]) -> Group:
        """The group of that name, which reads these topics from now on if it did not before."""
        group = self._groups.setdefault(name, Group())
        for topic in topics:
            if topic not in group.lanes:
                group.lanes[topic] = self._lane(topic)
                self._readers.setdefault(topic, []).append(group)
        return group

    def _lane(self, topic: str) -> Lane:
        return Lane(self._topic(topic))

    def give_back(self, group: Group, item: Item, delay_s: float) -> None:
        """Let the group have the event again once the time has passed."""

        def again() -> None:
            self._delays.pop(item, None)
            group.lanes[item.out.topic].deliver_later(item)
            group.wake()

        if delay_s > 0:
            self._delays[item] = Delay(delay_s, again)
        else:
            again()

    def resume(self) -> None:
        """Go on with the delays where another loop ended."""
        for delay in self._delays.values():
            delay.resume()


class Delay:
    """A timer of the running loop that can move to another one."""

    def __init__(self, delay_s: float, then: Callable[[], None]) -> None:
        self._then = then
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(delay_s, then)

    def resume(self) -> None:
        """Wait on the running loop for the rest of the time."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            left_s = self._timer.when() - self._loop.time()
            self._timer.cancel()
            self._loop, self._timer = loop, loop.call_later(max(left_s, 0.0), self._then)
