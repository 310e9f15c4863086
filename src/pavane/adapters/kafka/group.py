"""A group in this process: its lanes, its members, and how far it has come in each partition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from pavane.adapters.kafka.client import LOG
from pavane.adapters.kafka.consuming import SETTLE_S, Consuming
from pavane.adapters.kafka.counters import KafkaCounters
from pavane.adapters.kafka.lanes import Holder, Item, Lane
from pavane.adapters.kafka.position import Position
from pavane.adapters.kafka.topics import Place

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

_COMMIT_S: Final = 0.05  # shortest time between two commits
_AGAIN_S: Final = 1.0  # after a commit that failed, and a consumer that broke
_ROOM: Final = 1000  # events that may lie here beside those in hand
_BYTES: Final = 64 * 1024 * 1024
_SHORTEST_MS: Final = 10  # what is given back at once comes after what is on its way here


class Member(Holder, Protocol):
    """A member, as far as its group knows it."""

    @property
    def topics(self) -> Sequence[str]:
        """What it takes."""
        ...

    @property
    def capacity(self) -> int:
        """How much it has in hand at most."""
        ...


class Group:
    """All members of a group in this process share one consumer. See consuming.Listener."""

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        counters: KafkaCounters,
        *,
        passing: bool,
        named: Callable[[str], str],
        read_back: Callable[[str], str],
    ) -> None:
        self.name = name
        self.passing = passing
        self.version = 0  # of the lanes
        self.members: dict[Member, None] = {}
        self._settings = dict(settings)
        self._counters = counters
        self._named = named
        self._read_back = read_back
        self._lanes: dict[Place, Lane] = {}
        self._timers: dict[Item, asyncio.TimerHandle] = {}
        self._consuming: Consuming | None = None
        self._wanted: list[str] = []
        self._settled = asyncio.Event()  # something in hand was let go
        self._bytes = 0
        self._open = 0
        self._paused = False
        self._dirty: set[Lane] = set()
        self._committing: set[Lane] = set()
        self._next_commit: asyncio.TimerHandle | None = None
        self._last_commit = 0.0
        self._left = False

    # --- members --------------------------------------------------------------------------------

    def cover(self) -> None:
        """Read what the members take, and nothing else."""
        topics = dict.fromkeys(topic for member in self.members for topic in member.topics)
        wanted = [self._named(topic) for topic in topics]
        if self._consuming is None:
            self._consuming = Consuming(self._settings, self, passing=self.passing)
        elif wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted:
            self._consuming.want(wanted)

    def lanes(self, topics: Sequence[str]) -> list[Lane]:
        """Those of these topics."""
        return [lane for lane in self._lanes.values() if lane.topic in topics]

    def wake(self) -> None:
        """There may be something to take, for anybody."""
        for member in self.members:
            member.wake()

    async def leave(self, timeout_s: float) -> None:
        """The last member has gone: commit what is done, and be no part of the group any more."""
        consuming, self._consuming = self._consuming, None
        self._left = True
        if consuming is None:
            return
        positions = {} if self.passing else self._positions(self._lanes.values(), whole=True)
        self._drop(list(self._lanes))
        if positions:
            self._counters.commits += 1
        await consuming.stop(positions, timeout_s)

    def crash(self) -> None:
        """The process is dead."""
        self._left = True
        if self._consuming is not None:
            self._consuming.abandon()
            self._consuming = None
        self._drop(list(self._lanes))

    # --- what the consumer tells ----------------------------------------------------------------

    def assigned(self, positions: Mapping[Place, Position]) -> None:
        """Partitions are ours."""
        if self._left:
            return
        self._counters.rebalances += 1
        self._drop([place for place in positions if place in self._lanes])
        for place, position in positions.items():
            topic = self._read_back(place[0])
            self._lanes[place] = Lane(topic, place, position, self._later)
        self.version += 1
        if self._paused:
            self._pause()

    async def revoked(self, places: Sequence[Place]) -> Mapping[Place, Position]:
        """Partitions go to others; wait a little for what is in hand."""
        lanes = [self._lanes[place] for place in places if place in self._lanes]
        self._counters.rebalances += 1
        for lane in lanes:
            lane.leaving = True
        for member in self.members:
            for item in [each for each in member.assigned if each.lane in lanes]:
                member.assigned.remove(item)
        try:
            async with asyncio.timeout(SETTLE_S):
                while any(lane.in_hand for lane in lanes):
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            LOG.warning("%s: what is in hand here comes again elsewhere", self.name)
        positions = self._positions(lanes, whole=True)
        self._drop(places)
        if positions:
            self._counters.commits += 1
        return positions

    def lost(self, places: Sequence[Place]) -> None:
        """They may be others' already."""
        self._counters.rebalances += 1
        self._drop(places)

    def received(self, messages: Sequence[Message]) -> None:
        """Sort messages into their lanes."""
        received = 0
        for message in messages:
            if (error := message.error()) is not None:
                LOG.warning("%s: %s", self.name, error.str())
                continue
            lane = self._lanes.get((message.topic() or "", message.partition() or 0))
            if lane is None:
                continue  # it was revoked meanwhile
            offset = message.offset() or 0
            if lane.is_behind(offset):
                lane = self._begin_anew(lane)
            received += 1
            if (item := lane.receive(message, offset)) is not None:
                self._open += 1
                self._bytes += item.size
        self._counters.batches += 1
        self._counters.received += received
        if self._open > self._most() or self._bytes > _BYTES:
            self._pause()
        self.wake()

    def committed(self, error: KafkaError | None) -> None:
        """The last commit is over; the next one may go."""
        if error is not None and not self._left:
            LOG.info("%s: offsets are not committed yet: %s", self.name, error.str())
            self._dirty |= {lane for lane in self._committing if not lane.gone}
        self._committing.clear()
        if self._dirty:
            self._commit_soon(_AGAIN_S if error is not None else 0.0)

    def broken(self, error: BaseException) -> None:
        """The consumer has ended by itself: begin again with another one."""
        self._consuming = None
        self._committing.clear()  # nobody will tell how it went
        if self._left:
            return
        LOG.warning("%s reads no more, and begins again: %s", self.name, error)
        self._drop(list(self._lanes))
        asyncio.get_running_loop().call_later(_AGAIN_S, self._begin_again)

    def _begin_again(self) -> None:
        if not self._left and self._consuming is None:
            self.cover()

    def _begin_anew(self, lane: Lane) -> Lane:
        """Offsets only grow: a topic that was made anew is another one."""
        LOG.warning("%s: %s/%d begins anew", self.name, *lane.place)
        self._drop([lane.place])
        new = self._lanes[lane.place] = Lane(lane.topic, lane.place, Position(-1), self._later)
        self.version += 1
        return new

    def _drop(self, places: Sequence[Place]) -> None:
        """They are not ours any more; whoever has something of them in hand has it for nothing."""
        for place in places:
            lane = self._lanes.pop(place, None)
            if lane is None:
                continue
            lane.gone = lane.leaving = True
            self._dirty.discard(lane)
            self._open -= lane.open_count
            self._bytes -= lane.open_bytes
            for item in [each for each in self._timers if each.lane is lane]:
                self._timers.pop(item).cancel()
            for member in self.members:
                for item in [each for each in member.assigned if each.lane is lane]:
                    member.assigned.remove(item)
        self.version += 1
        self.relieve()

    # --- events ---------------------------------------------------------------------------------

    def done(self, items: Sequence[Item]) -> None:
        """They never come again."""
        for item in items:
            if not item.lane.gone and item.lane.finish(item):
                self._open -= 1
                self._bytes -= item.size
                self._dirty.add(item.lane)
        self._settled.set()
        self.relieve()
        self._commit_soon()

    def give_back(self, item: Item, delay_ms: int) -> None:
        """It comes again once the time has passed."""
        self._settled.set()
        if item.lane.gone:
            return
        item.due = _now() + max(delay_ms, _SHORTEST_MS)
        self._later(item)
        self._dirty.add(item.lane)
        self._commit_soon()

    def _later(self, item: Item) -> bool:
        """Have it delivered at its time; False when that is not later than now."""
        delay_ms = item.due - _now()
        if delay_ms <= 0:
            return False
        loop = asyncio.get_running_loop()
        self._timers[item] = loop.call_later(delay_ms / 1000, self._again, item)
        return True

    def _again(self, item: Item) -> None:
        del self._timers[item]
        item.lane.deliver_later(item)
        self.wake()

    # --- how much, and how far ------------------------------------------------------------------

    def _most(self) -> int:
        return 2 * sum(member.capacity for member in self.members) + _ROOM

    def _pause(self) -> None:
        self._paused = True
        if self._consuming is not None and self._lanes:
            self._counters.pauses += 1
            self._consuming.pause(list(self._lanes))

    def relieve(self) -> None:
        """Read on where there is room again."""
        if self._paused and self._open <= self._most() // 2 and self._bytes <= _BYTES // 2:
            self._paused = False
            if self._consuming is not None:
                self._consuming.resume(list(self._lanes))

    def _commit_soon(self, pause_s: float = 0.0) -> None:
        if self.passing or self._committing or self._next_commit or not self._dirty:
            return
        loop = asyncio.get_running_loop()
        wait_s = max(self._last_commit + _COMMIT_S - loop.time(), pause_s)
        self._next_commit = loop.call_later(max(wait_s, 0.0), self._commit)

    def _commit(self) -> None:
        self._next_commit = None
        positions = self._positions(self._dirty)
        if self._consuming is None or self._left or not positions:
            return
        self._committing, self._dirty = self._dirty, set()
        self._last_commit = asyncio.get_running_loop().time()
        self._counters.commits += 1
        self._consuming.commit(positions)

    def _positions(
        self, lanes: Sequence[Lane] | set[Lane] | Any, *, whole: bool = False
    ) -> dict[Place, Position]:
        found = {lane.place: lane.position(whole=whole) for lane in lanes if not lane.gone}
        return {place: each for place, each in found.items() if each.offset >= 0}

    def undone_since(self) -> int:
        """When the first message was written that is not done (ms); 0: all is; 1: unknown."""
        if not self._lanes:
            return 1
        times = [lane.undone_since() for lane in self._lanes.values()]
        return min((each for each in times if each), default=0)

    def has_done(self, ends: Mapping[Place, int]) -> bool:
        """Whether it has done everything before these offsets."""
        return all(
            place in self._lanes and self._lanes[place].done >= end
            for place, end in ends.items()
            if end > 0
        )


def _now() -> int:
    return time.time_ns() // 1_000_000
