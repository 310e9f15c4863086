"""What came for a group on one topic and is not done: handed out to members, key by key.

A key is held by the member that has unfinished events of it; what others find of that key they put
aside for that member, so that no event overtakes an earlier one of its key.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from pavane.adapters.rabbitmq.wire import Read

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage
    from aiormq.channel import Channel


class Item:
    """A message that was delivered to this process. `number` is its place in what came."""

    __slots__ = ("again", "epoch", "lane", "message", "number", "read")

    def __init__(self, lane: Lane, number: int, message: DeliveredMessage, read: Read) -> None:
        self.lane = lane
        self.number = number
        self.message = message
        self.read = read
        self.epoch = lane.epoch
        self.again = 0  # how often it was handed to another member here

    @property
    def valid(self) -> bool:
        """Whether the broker still takes it for delivered to this process."""
        return self.epoch == self.lane.epoch

    @property
    def times(self) -> int:
        return self.read.times + self.again


class Holder(Protocol):
    """A member of a group, as far as a lane knows it."""

    @property
    def assigned(self) -> deque[Item]:
        """What comes next for this member, because it holds the key."""
        ...

    def wake(self) -> None:
        """There may be something to take."""
        ...


class _Hold:
    __slots__ = ("count", "holder")

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.count = 0


class Lane:
    """One topic of one group, in this process. `passing`: it reads a stream from its beginning."""

    def __init__(self, topic: str, queue: str, *, passing: bool) -> None:
        self.topic = topic
        self.queue = queue
        self.passing = passing
        self.channel: Channel | None = None
        self.epoch = 0
        self.next_offset = 0  # of a stream
        self.marks: dict[str, int] = {}  # by nonce, the number of what came after it
        self._unfinished: dict[int, int] = {}  # by number, when it was written (ms)
        self._number = 0
        self._new: deque[Item] = deque()
        self._again: list[tuple[int, Item]] = []
        self._holds: dict[str, _Hold] = {}

    def came(self, message: DeliveredMessage, read: Read) -> None:
        """One more was delivered."""
        self._number += 1
        self._unfinished[self._number] = read.event.time
        self._new.append(Item(self, self._number, message, read))

    def mark(self, nonce: str) -> None:
        """A mark was delivered."""
        self.marks[nonce] = self._number + 1

    def done_up_to(self, nonce: str) -> bool:
        """Whether the mark has come and all that came before it is done."""
        number = self.marks.get(nonce)
        return number is not None and next(iter(self._unfinished), number) >= number

    @property
    def idle(self) -> bool:
        """Whether nothing that came is unfinished."""
        return not self._unfinished

    def oldest(self) -> int:
        """When the first event was written that came and is not done (ms; 1: nobody knows)."""
        return min((max(time, 1) for time in self._unfinished.values()), default=0)

    def lost(self) -> None:
        """The channel is gone: what it had delivered comes again, unless it is in a stream."""
        self.channel = None
        if self.passing:
            return
        self.epoch += 1
        self._new.clear()
        self._again.clear()
        self._holds.clear()
        self._unfinished.clear()

    def pull(self, member: Holder) -> Item | None:
        """The next event for the member, if there is one; the member holds its key from now on."""
        while (item := self._next()) is not None:
            key = item.read.key
            if not key:
                return item
            hold = self._holds.get(key)
            if hold is None:
                hold = self._holds[key] = _Hold(member)
            hold.count += 1
            if hold.holder is member:
                return item
            hold.holder.assigned.append(item)
            hold.holder.wake()
        return None

    def _next(self) -> Item | None:
        if self._again:
            return heappop(self._again)[1]
        return self._new.popleft() if self._new else None

    def release(self, item: Item) -> None:
        """The member has nothing more to do with it."""
        if item.valid and (key := item.read.key):
            hold = self._holds[key]
            hold.count -= 1
            if not hold.count:
                del self._holds[key]

    def finish(self, item: Item) -> None:
        """It is done, or somebody else's."""
        if item.valid:
            self._unfinished.pop(item.number, None)

    def redeliver(self, item: Item) -> None:
        """What a member had when it went comes before anything else, in its old order."""
        if item.valid:
            item.again += 1
            heappush(self._again, (item.number, item))

    def behind(self, item: Item) -> None:
        """Let it come after all that is there now."""
        if item.valid:
            item.again += 1
            self._new.append(item)
