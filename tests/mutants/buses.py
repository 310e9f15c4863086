"""Buses that break one promise each, and are right otherwise."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from pavane.adapters.memory.bus import MemoryBus, MemorySubscription
from pavane.adapters.memory.topics import Group, Item, Lane, Topics
from pavane.core.model.event import JSON, Outgoing
from pavane.ports.bus import Delivery


class Buffered(MemoryBus):
    """1, durable: publishes what was given to it with the next call, or soon."""

    waiting: Sequence[Outgoing] = ()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        asyncio.get_running_loop().call_later(0.02, self._send)
        waiting, self.waiting = self.waiting, events
        await super().publish(waiting)

    def _send(self) -> None:
        if self._open:
            waiting, self.waiting = self.waiting, ()
            self._topics.append(waiting)


class DiesWithAll(MemoryBus):
    """1, durable: the topics are the process's own."""

    def crash(self) -> MemoryBus:
        super().crash()
        return type(self)()


class _Special(MemoryBus):
    """Makes members of its own kind."""

    member: type[MemorySubscription] = MemorySubscription

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        plain = await super().subscribe(group, topics, capacity=capacity)
        plain.__class__ = self.member
        return plain


class AtMostOnce(_Special):
    """2, again: what was taken is done."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            taken = await super().take(limit)
            await self.done(taken)
            return taken


class DiesUnheard(MemoryBus):
    """2, again: does not notice that a process is gone."""

    def crash(self) -> MemoryBus:
        self._members = []
        return super().crash()


class Overlooks(_Special):
    """2, again: wakes nobody when a member goes."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        def leave(self) -> None:
            others = {m: None for m in self._group.members if m is not self}
            for other in others:
                del self._group.members[other]
            super().leave()
            self._group.members |= others


class DoneIsSoft(_Special):
    """2, again: a member's word is lost when it leaves."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def done(self, deliveries: Sequence[Delivery]) -> None:
            pass


class OnlyTheLiving(MemoryBus):
    """2, again: a group without members gets nothing."""

    async def publish(self, events: Sequence[Outgoing]) -> None:
        living = [out for out in events if self._has_members(out.topic)]
        await super().publish(living)

    def _has_members(self, topic: str) -> bool:
        return any(group.members for group in self._topics._readers.get(topic, []))


class LosesCancelled(_Special):
    """2, again: takes first and looks later whether anybody still waits."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            taken = await super().take(limit)
            await asyncio.sleep(0.01)
            return taken


class Deaf(_Special):
    """2, again: who waits is not told that it is over."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        def leave(self) -> None:
            self._waiting.clear()
            super().leave()


class EachForItself(MemoryBus):
    """3, shared: every member is a group of its own."""

    numbers = count()

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        own = f"{group} {next(self.numbers)}"
        return await super().subscribe(own, topics, capacity=capacity)


class OneGroup(MemoryBus):
    """3, shared: knows no groups."""

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        return await super().subscribe("all", topics, capacity=capacity)


class OneTopic(MemoryBus):
    """3, shared: gives a group whatever begins as its topic does."""

    async def publish(self, events: Sequence[Outgoing]) -> None:
        await super().publish([replace(out, topic=out.topic.split(".")[0]) for out in events])


class BusyFirst(_Special):
    """3, shared: begins each time with the first topic."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        def _take_now(self, limit: int) -> list[Delivery]:
            taken = super()._take_now(limit)
            self._lanes.rotate(1)
            return taken


class Tidies(MemoryBus):
    """4, intact: writes JSON as it likes it."""

    async def publish(self, events: Sequence[Outgoing]) -> None:
        await super().publish([replace(out, event=_tidied(out.event)) for out in events])


def _tidied(event: Any) -> Any:
    if event.datacontenttype != JSON or not event.data:
        return event
    return replace(event, data=msgspec.json.encode(msgspec.json.decode(event.data)))


class TextOnly(MemoryBus):
    """4, intact: takes all data for text."""

    async def publish(self, events: Sequence[Outgoing]) -> None:
        changed = [
            replace(out.event, data=out.event.data.decode(errors="replace").encode())
            for out in events
        ]
        pairs = zip(events, changed, strict=True)
        await super().publish([replace(out, event=event) for out, event in pairs])


class Impatient(_Special):
    """5, delayed: gives everything back at once."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def back(self, delivery: Delivery, delay_ms: int) -> None:
            await super().back(delivery, 0)


class ImpatientWhenLeft(_Special):
    """5, delayed: the member keeps the time, and takes no more notice of it when it leaves."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        def leave(self) -> None:
            super().leave()
            for delay in list(self._topics._delays.values()):
                delay._timer.cancel()
                delay._then()


class Uncounted(_Special):
    """5, delayed: every time is the first."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            return [replace(delivery, times=1) for delivery in await super().take(limit)]


class Blocking(_Special):
    """5, delayed: waits with everything behind the event."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            while self._topics._delays:  # noqa: ASYNC110  that it waits too long is the point
                await asyncio.sleep(0.01)
            return await super().take(limit)


class Stubborn(_Special):
    """5, delayed: what is given back at once is always the next."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def back(self, delivery: Delivery, delay_ms: int) -> None:
            if delay_ms:
                return await super().back(delivery, delay_ms)
            if (item := self._let_go(delivery)) is not None:
                self._group.lanes[delivery.topic].redeliver(item)
            return None


class Limitless(_Special):
    """6, bounded: gives whatever there is."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            return await super().take(100)


class Overloads(_Special):
    """6, bounded: does not count what a member has in its hands."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            self._capacity = len(self._held) + 2
            return await super().take(limit)


class FullForGood(_Special):
    """6, bounded: counts what a member was ever given."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def done(self, deliveries: Sequence[Delivery]) -> None:
            self._capacity -= len(deliveries)
            await super().done(deliveries)


class NewestFirst(_Special):
    """7, ordered: gives what it has the other way round."""

    class member(MemorySubscription):  # noqa: N801  it stands in the attribute's place
        async def take(self, limit: int) -> list[Delivery]:
            return (await super().take(limit))[::-1]


class _FreeLane(Lane):
    """Nobody holds a key."""

    def pull(self, member: Any) -> Item | None:
        return self._next()

    def release(self, item: Item) -> None:
        pass


class KeysUnheld(MemoryBus):
    """7, ordered: gives a key to several members at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._topics = _Topics(_FreeLane)


class _BackLane(Lane):
    """What a member had comes last."""

    def redeliver(self, item: Item) -> None:
        self.deliver_later(item)


class LeftoversLast(MemoryBus):
    """7, ordered: what a member had when it went comes after everything else."""

    def __init__(self) -> None:
        super().__init__()
        self._topics = _Topics(_BackLane)


class _Topics(Topics):
    """Topics with lanes of another kind."""

    def __init__(self, lane: type[Lane], *, kept: bool = True) -> None:
        super().__init__()
        self._kind = lane
        self._kept = kept

    def _lane(self, topic: str) -> Lane:
        events = self._topic(topic)
        return self._kind(events, 0 if self._kept else len(events))


class FromNowOn(MemoryBus):
    """8, kept: a group begins with what comes next."""

    def __init__(self) -> None:
        super().__init__()
        self._topics = _Topics(Lane, kept=False)


class AllOverAgain(MemoryBus):
    """8, kept: a group that takes a further topic begins with all of them anew."""

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> MemorySubscription:
        known = self._topics._groups.get(group, Group()).lanes
        if known and not set(topics) <= set(known):
            known.clear()
        return await super().subscribe(group, topics, capacity=capacity)
