"""One topic of one log on its way to one group: what is next, what comes again, what is done.

As in the memory bus (adapters/memory/topics.py) a key is held by the member that has unfinished
events of it. Here events are read a page at a time, and a lane knows up to where all is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, Protocol

from pavane.adapters.embedded.tail import Tail
from pavane.core.model.event import Outgoing

PAGE: Final = 200  # events that are read at a time
_ASIDE_MOST: Final = 1000  # events that are put aside for one member because it holds their keys


class Item:
    """An event on its way to one group."""

    __slots__ = ("kept", "lane", "out", "position", "times")

    def __init__(self, lane: Lane, position: int, out: Outgoing) -> None:
        self.lane = lane
        self.position = position
        self.out = out
        self.times = 0
        self.kept = False  # noted as given back


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
    """`given_back` says of events how often they came and when they may again (ms); `later` has

    one delivered then. `held` is the group's: a key may come in several logs.
    """

    def __init__(
        self,
        topic: str,
        tail: Tail,
        done: int,
        given_back: dict[int, tuple[int, int]],
        held: dict[tuple[str, str], Hold],
        later: Callable[[Item, int], bool],
    ) -> None:
        self.topic = topic
        self.log = tail.log
        self.kept = done  # what the group's offset says
        self._tail = tail
        self._read = done  # up to here all is done, or in hand
        self._given_back = given_back
        self._held = held
        self._later = later
        self._open: dict[int, Item] = {}  # in hand and not done, by position
        self._next: deque[Item] = deque()
        self._again: list[tuple[int, int, Item]] = []  # heap: (after which position, own, item)

    @property
    def done(self) -> int:
        """Up to here everything is done."""
        return next(iter(self._open)) - 1 if self._open else self._read

    def undone_since(self) -> int | None:
        """When the first event was written that is not done (ms); 0: all is. None: unknown."""
        return self._tail.written_at(self.topic, self.done)

    def pull(self, member: Holder) -> Item | None:
        """The next event for the member, if there is one; the member holds its key from now on."""
        while (item := self._pop()) is not None:
            key = item.out.key
            if not key:
                return item
            hold = self._held.get((self.topic, key))
            if hold is None:
                hold = self._held[self.topic, key] = Hold(member)
            if hold.holder is member:
                hold.count += 1
                return item
            if len(hold.holder.assigned) >= _ASIDE_MOST:
                heappush(self._again, (0, item.position, item))
                return None
            hold.count += 1
            hold.holder.assigned.append(item)
            hold.holder.wake()
        return None

    def _pop(self) -> Item | None:
        while True:
            passed = self._next[0].position - 1 if self._next else self._read
            if self._again and self._again[0][0] <= passed:
                return heappop(self._again)[2]
            if self._next:
                return self._next.popleft()
            if not self._fill():
                return None

    def _fill(self) -> bool:
        """Read on; False when there is nothing more, or it cannot be read now."""
        head = self._tail.head
        if self._read >= head:
            return False
        records = self._tail.records(self.topic, self._read, PAGE)
        if records is None:
            return False
        self._read = records[-1].position if len(records) == PAGE else head
        for position, out in ((each.position, each.out) for each in records):
            item = self._open[position] = Item(self, position, out)
            if position in self._given_back:
                item.times, due = self._given_back.pop(position)
                item.kept = True
                if self._later(item, due):
                    continue
            self._next.append(item)
        return True

    def release(self, item: Item) -> None:
        """The member has nothing more to do with the event."""
        if key := item.out.key:
            hold = self._held[self.topic, key]
            hold.count -= 1
            if not hold.count:
                del self._held[self.topic, key]

    def finish(self, item: Item) -> None:
        """It is done."""
        self._open.pop(item.position, None)

    def redeliver(self, item: Item) -> None:
        """What a member had when it went comes before anything else, in its old order."""
        heappush(self._again, (0, item.position, item))

    def deliver_later(self, item: Item) -> None:
        """What was given back comes after all that is there now, so that it holds up nobody."""
        heappush(self._again, (self._tail.head, item.position, item))
