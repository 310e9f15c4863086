"""A group in this process: its lanes, its members, and how far it has come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from pavane.adapters.embedded.lanes import Hold, Holder, Item, Lane
from pavane.adapters.embedded.offsets import Offsets
from pavane.adapters.embedded.tail import Tail
from pavane.errors import LeaseLostError, StoreBusyError

_QUIET_STEP: Final = 500  # how far a lane without events for the group moves before it is noted


class Member(Holder, Protocol):
    """A member, as far as its group knows it."""

    @property
    def topics(self) -> Sequence[str]:
        """What it takes."""
        ...


class Group:
    """Active in one process at a time; in others its members wait."""

    def __init__(self, name: str, offsets: Offsets) -> None:
        self.name = name
        self.active = False
        self.version = 0  # of the lanes
        self.members: dict[Member, None] = {}
        self._offsets = offsets
        self._lanes: dict[tuple[str, str], Lane] = {}  # by topic and log
        self._held: dict[tuple[str, str], Hold] = {}
        self._timers: dict[Item, asyncio.TimerHandle] = {}
        self._changing = asyncio.Lock()

    def lanes(self, topics: Sequence[str]) -> list[Lane]:
        """Those of these topics."""
        return [lane for lane in self._lanes.values() if lane.topic in topics]

    def has_done(self, heads: Mapping[str, int]) -> bool:
        """Whether it has done everything up to these heads, by log."""
        far = [lane.done >= heads.get(lane.log, 0) for lane in self._lanes.values()]
        return self.active and all(far)

    def undone_since(self) -> int | None:
        """When the oldest event was written that is not done (ms); 0: all is. None: unknown."""
        if not self.active:
            return None
        times = [lane.undone_since() for lane in self._lanes.values()]
        if None in times:
            return None
        return min((each for each in times if each), default=0)

    def places(self) -> dict[tuple[str, str], int]:
        """How far it has come by topic and log, also where that is not written yet."""
        return {place: lane.done for place, lane in self._lanes.items()} if self.active else {}

    async def note_all(self) -> None:
        """See that it is kept how far every lane has come, also those that have nothing for it."""
        async with self._changing:
            if self.active and not self._offsets.is_lost:
                await self._keep(list(self._lanes.values()))

    def wake(self) -> None:
        """There may be something to take, for anybody."""
        for member in self.members:
            member.wake()

    # --- being the one --------------------------------------------------------------------------

    async def cover(self, tails: Iterable[Tail]) -> None:
        """Have a lane for each topic in each log, if no other process is the active one."""
        async with self._changing:
            if not self.members:
                return
            if self.active and self._offsets.is_lost:
                await self._stand_by()
            if not self.active:
                try:
                    await self._offsets.open()
                except StoreBusyError:
                    return
                self.active = True
            topics = dict.fromkeys(topic for member in self.members for topic in member.topics)
            missing = [
                (topic, tail)
                for tail in tails
                for topic in topics
                if tail.known and (topic, tail.log) not in self._lanes
            ]
            for topic, tail in missing:
                await self._add(topic, tail)
            if missing:
                self.version += 1
                await self._offsets.flush()
            await self._keep(self._far())
        self.wake()

    async def _add(self, topic: str, tail: Tail) -> None:
        done = await self._offsets.of(topic, tail.log)
        given_back = await self._offsets.given_back(topic, tail.log)
        lane = Lane(topic, tail, done, given_back, self._held, self._later)
        self._lanes[topic, tail.log] = lane

    async def _stand_by(self) -> None:
        """Another process is active now: what is in hand here comes there, and is nobody's here."""
        self._forget()
        self._lanes.clear()
        self._held = {}
        for member in self.members:
            member.assigned.clear()
        self.version += 1
        await self._offsets.close()

    async def leave(self) -> None:
        """Let another process be active, when the last member has gone."""
        async with self._changing:
            if self.active and not self.members:
                self._forget()
                lanes = list(self._lanes.values())
                self._lanes.clear()
                try:
                    with contextlib.suppress(LeaseLostError):  # they are another process's
                        await self._keep(lanes)
                finally:
                    await self._offsets.close()

    def crash(self) -> None:
        """The process is dead."""
        if self.active:
            self._forget()
            self._offsets.crash()

    def _forget(self) -> None:
        self.active = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # --- events ---------------------------------------------------------------------------------

    async def done(self, items: Sequence[Item]) -> None:
        """They never come again."""
        touched: dict[Lane, list[int]] = {}
        for item in items:
            if not self._has(item.lane):
                continue
            item.lane.finish(item)
            noted = touched.setdefault(item.lane, [])
            if item.kept:
                noted.append(item.position)
        for lane, noted in touched.items():
            if noted:
                await self._offsets.forget(lane.topic, lane.log, noted)
        await self._keep([*touched, *self._far()])

    def _has(self, lane: Lane) -> bool:
        """Whether it is a lane of now, not of the time before another process was active."""
        return self._lanes.get((lane.topic, lane.log)) is lane

    def _far(self) -> list[Lane]:
        """Lanes that have read on for long though little or nothing in them was for the group."""
        return [each for each in self._lanes.values() if each.done - each.kept >= _QUIET_STEP]

    async def _keep(self, lanes: Iterable[Lane]) -> None:
        moved = False
        for lane in lanes:
            if lane.done > lane.kept:
                lane.kept = lane.done
                await self._offsets.keep(lane.topic, lane.log, lane.kept)
                moved = True
        if moved:
            await self._offsets.flush()

    async def give_back(self, item: Item, delay_ms: int) -> None:
        """It comes again once the time has passed."""
        due, lane = _now() + delay_ms, item.lane
        if not self._has(lane):
            return
        if not self._later(item, due):
            lane.deliver_later(item)
            self.wake()
        item.kept = True
        await self._offsets.give_back(lane.topic, lane.log, item.position, item.times, due)

    def _later(self, item: Item, due: int) -> bool:
        """Have it delivered at a time (ms); False when that is not later than now."""
        delay_ms = due - _now()
        if delay_ms <= 0:
            return False
        loop = asyncio.get_running_loop()
        self._timers[item] = loop.call_later(delay_ms / 1000, self._again, item)
        return True

    def _again(self, item: Item) -> None:
        del self._timers[item]
        item.lane.deliver_later(item)
        self.wake()


def _now() -> int:
    return time.time_ns() // 1_000_000
