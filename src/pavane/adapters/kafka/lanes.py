"""One partition on its way to one group: what is next, what comes again, what is done.

As on the embedded bus a key is held by the member that has unfinished events of it; here messages
come by themselves, and a lane knows the first that is not done, and what is done behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Protocol

from pavane.adapters.kafka.position import Position
from pavane.adapters.kafka.topics import Place

if TYPE_CHECKING:
    from confluent_kafka import Message

_ASIDE_MOST: Final = 1000  # events that are put aside for one member because it holds their keys


class Item:
    """A message on its way to one group."""

    __slots__ = ("due", "in_hand", "key", "lane", "message", "offset", "size", "times")

    def __init__(self, lane: Lane, offset: int, message: Message) -> None:
        self.lane = lane
        self.offset = offset
        self.message = message
        self.key = message.key() or b""
        self.size = len(message)
        self.times = 0
        self.due = 0  # when it may come again (ms), of one that was given back
        self.in_hand = False


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
    """`start` is how far the group has come; `later` has an item delivered at its time, if that is

    to come.
    """

    def __init__(
        self, topic: str, place: Place, start: Position, later: Callable[[Item], bool]
    ) -> None:
        self.topic = topic  # as the bus calls it
        self.place = place
        self.leaving = False  # it goes to another process: nothing more is handed out
        self.gone = False
        self.in_hand = 0
        self._start = start
        self._later = later
        self._received = start.offset - 1  # the last one that came, or is done
        self._open: dict[int, Item] = {}  # not done, in the order of their offsets
        self._came: deque[int] = deque()  # offsets in their order, from the first that is not done
        self._ahead = set(start.done)  # done, behind one that is not
        self._next: deque[Item] = deque()
        self._again: list[tuple[int, int, Item]] = []  # heap: (after which offset, own, item)
        self._held: dict[bytes, Hold] = {}

    @property
    def open_count(self) -> int:
        """How many events came and are not done."""
        return len(self._open)

    @property
    def open_bytes(self) -> int:
        """How large they are, together."""
        return sum(item.size for item in self._open.values())

    @property
    def done(self) -> int:
        """Before this offset everything is done; -1 when nothing has come yet."""
        if self._open:
            return self._first()
        return self._received + 1 if self._received >= 0 else -1

    def _first(self) -> int:
        """Of those that are not done; there is one. A look into the dictionary would pass over

        all that was taken out in front of it, again for each event.
        """
        came = self._came
        while came[0] not in self._open:
            came.popleft()
        return came[0]

    def position(self, *, whole: bool = False) -> Position:
        """How far the group has come; `whole`: with how often each came that is in hand."""
        base = self.done
        if self._ahead:
            self._ahead = {each for each in self._ahead if each >= base}
        again = {
            item.offset: (item.times, item.due)
            for item in self._open.values()
            if item.due or (whole and item.times)
        }
        for offset, told in self._start.again.items():
            if offset > self._received:
                again[offset] = told
        return Position(base, frozenset(self._ahead), again)

    def undone_since(self) -> int:
        """When the first event was written that came and is not done (ms); 0: all is."""
        if not self._open:
            return 0
        return max(self._open[self._first()].message.timestamp()[1], 1)

    def receive(self, message: Message, offset: int) -> Item | None:
        """The next one; None where it was done before."""
        self._received = offset
        if offset in self._ahead:
            return None
        item = self._open[offset] = Item(self, offset, message)
        self._came.append(offset)
        if offset in self._start.again:
            item.times, item.due = self._start.again[offset]
            if item.due and self._later(item):
                return item
        self._next.append(item)
        return item

    def is_behind(self, offset: int) -> bool:
        """Whether something of this offset or a later one came before: the log has begun anew."""
        return offset <= self._received

    def pull(self, member: Holder) -> Item | None:
        """The next event for the member, if there is one; the member holds its key from now on."""
        while not self.leaving and (item := self._pop()) is not None:
            key = item.key
            if not key:
                return item
            hold = self._held.get(key)
            if hold is None:
                hold = self._held[key] = Hold(member)
            if hold.holder is member:  # nearly always
                hold.count += 1
                return item
            if len(hold.holder.assigned) >= _ASIDE_MOST:
                heappush(self._again, (0, item.offset, item))
                return None
            hold.count += 1
            hold.holder.assigned.append(item)
            hold.holder.wake()
        return None

    def _pop(self) -> Item | None:
        if self._again:
            passed = self._next[0].offset - 1 if self._next else self._received
            if self._again[0][0] <= passed:
                return heappop(self._again)[2]
        return self._next.popleft() if self._next else None

    def release(self, item: Item) -> None:
        """The member has nothing more to do with the event."""
        if item.in_hand:
            item.in_hand = False
            self.in_hand -= 1
        if item.key and (hold := self._held.get(item.key)) is not None:
            hold.count -= 1
            if not hold.count:
                del self._held[item.key]

    def take(self, item: Item) -> None:
        """A member has it in hand."""
        item.times += 1
        item.in_hand = True
        self.in_hand += 1

    def finish(self, item: Item) -> bool:
        """It is done; False where it was before."""
        if self._open.pop(item.offset, None) is None:
            return False
        if not self._open:
            self._came.clear()
        elif item.offset > self._first():
            self._ahead.add(item.offset)
        return True

    def redeliver(self, item: Item) -> None:
        """What a member had when it went comes before anything else, in its old order."""
        heappush(self._again, (0, item.offset, item))

    def deliver_later(self, item: Item) -> None:
        """What was given back comes after all that is there now, so that it holds up nobody."""
        heappush(self._again, (self._received, item.offset, item))
