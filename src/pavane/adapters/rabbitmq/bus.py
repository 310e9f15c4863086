"""RabbitMQ as a bus: exchanges, quorum queues and streams of the broker, and nothing beside it.

A topic is a fanout exchange; each group has a quorum queue for each of its topics, which one
process reads at a time while others stand by. The broker keeps what is not done. See
docs/reference/buses.md for what that means, and for the options in the URL.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pavane.adapters.memory.bus import size
from pavane.adapters.rabbitmq import delays, wire
from pavane.adapters.rabbitmq.connection import Link
from pavane.adapters.rabbitmq.counters import RabbitCounters
from pavane.adapters.rabbitmq.group import Group
from pavane.adapters.rabbitmq.options import RabbitOptions, read_options
from pavane.adapters.rabbitmq.publishing import Publisher
from pavane.adapters.rabbitmq.subscription import RabbitSubscription
from pavane.adapters.rabbitmq.topology import Topology
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import PASSING

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

_PAUSE_S: Final = 0.005
_READ_UP_S: Final = 60.0


class RabbitBus:
    """One process's connection to a broker. `url` or `options` say where it is."""

    features: frozenset[str] = frozenset({"ordered", "passing"})

    def __init__(self, url: str = "", *, options: RabbitOptions | None = None) -> None:
        self.options = options or read_options(url)
        self.counters = RabbitCounters()
        self._open = False
        # A broker that is short of memory stops the connections of those who publish.
        self._outward = Link(self.options, self.counters)
        self._inward = Link(self.options, self.counters)
        self.topology = Topology(self._outward, self.counters)
        self._publisher = Publisher(self._outward, self.topology, self.counters)
        self._groups: dict[str, Group] = {}

    # --- life -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to serve."""
        self._open = True

    async def close(self) -> None:
        """Stop serving; the members leave their groups."""
        if self._open:
            self._open = False
            members = [member for group in self._groups.values() for member in group.members]
            await asyncio.gather(*(member.close() for member in members))
            await self._inward.close()
            await self._outward.close()

    async def crash(self) -> RabbitBus:
        """The process is dead; what a new one would open. For tests."""
        if self._open:
            self._open = False
            await asyncio.gather(self._inward.close(), self._outward.close())
            groups = list(self._groups.values())
            self._groups.clear()
            for group in groups:
                for member in list(group.members):
                    member.leave()
                await group.stop()
        return self.another()

    def another(self) -> RabbitBus:
        """A connection of another process, not open yet."""
        return RabbitBus(options=self.options)

    # --- publishing -----------------------------------------------------------------------------

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over, in this order; the broker has confirmed all of them."""
        self._check_open()
        self.counters.publishes += 1
        self.counters.published += len(events)
        self.counters.published_bytes += sum(size(out.event) for out in events)
        exchanges = {topic: await self.topology.topic(topic) for topic in {e.topic for e in events}}
        await self._publisher.send([wire.encode(out, exchanges[out.topic]) for out in events])

    async def _rest(
        self, message: DeliveredMessage, read: wire.Read, queue: str, left: int
    ) -> None:
        """Put a copy where it comes to that queue from, after so many units or a part of them."""
        exchange = ""
        if left:
            level = delays.next_rest(left)
            exchange, left = await self.topology.delay(level), left - (1 << level)
            self.counters.delayed += 1
        properties, body = wire.again(message, read, left)
        await self._publisher.send([wire.Message(exchange, queue, properties, body)])

    # --- reading --------------------------------------------------------------------------------

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> RabbitSubscription:
        """Join a group that gets what is published on these topics from its first member on."""
        self._check_open()
        passing = group.startswith(PASSING)
        queues: dict[str, str] = {}
        for topic in topics:
            await self.topology.topic(topic)
            place = self.topology.stream(topic) if passing else self.topology.queue(group, topic)
            queues[topic] = await place
        self._check_open()
        joined = self._groups.get(group)
        if joined is None:
            joined = self._groups[group] = Group(
                group, self._inward, self.counters, self._rest, passing=passing, gone=self._gone
            )
        member = RabbitSubscription(joined, list(queues), capacity)
        joined.join(member, queues)
        return member

    def _gone(self, group: Group) -> None:
        if self._groups.get(group.name) is group:
            del self._groups[group.name]

    # --- how far groups have come ---------------------------------------------------------------

    async def read_up(self, group: str) -> None:
        """Wait until a group of this process has done all that is on its topics now."""
        self._check_open()
        joined = self._groups.get(group)
        nonce = secrets.token_hex(8)
        lanes = list(joined.lanes.values()) if joined else []
        if joined is not None and joined.passing:
            marks = [wire.Message("", lane.queue, wire.mark(nonce), b"") for lane in lanes]
            await self._publisher.send(marks)
        until = asyncio.get_running_loop().time() + _READ_UP_S
        while joined is None or not await self._has_done(joined, nonce):
            if joined is None or asyncio.get_running_loop().time() > until:
                raise ConnectionFailedError(
                    f"The group {group} has not read what is on the bus.",
                    "See that it has a member here, and that the broker can be reached.",
                )
            await asyncio.sleep(_PAUSE_S)

    async def _has_done(self, group: Group, nonce: str) -> bool:
        lanes = list(group.lanes.values())
        if group.passing:
            return all(lane.done_up_to(nonce) for lane in lanes)
        waiting = [await self.topology.waiting(lane.queue) for lane in lanes]
        return not any(waiting) and all(lane.idle for lane in lanes)

    async def undone_since(self, group: str) -> int:
        """When the oldest event was written that is not done (ms); 1 where that is not known."""
        self._check_open()
        joined = self._groups.get(group)
        if joined is None:
            return 1
        oldest = joined.oldest()
        if oldest or joined.passing:
            return oldest
        waiting = [await self.topology.waiting(lane.queue) for lane in joined.lanes.values()]
        return 1 if any(waiting) else joined.oldest()

    async def lag(
        self, groups: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, dict[str, int]]:
        """How many messages wait for each group of this process, by group and topic; or for these.

        What rests because it was given back, and what a process has and is not done, is not in it.
        """
        self._check_open()
        if groups is not None:
            return {name: await self._waiting_for(name, groups[name]) for name in groups}
        return {
            name: {
                lane.topic: await self.topology.waiting(lane.queue)
                for lane in list(group.lanes.values())
            }
            for name, group in list(self._groups.items())
            if not group.passing
        }

    async def _waiting_for(self, group: str, topics: Collection[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for topic in topics:
            waiting = await self.topology.waiting_if_there(group, topic)
            if waiting is not None:
                found[topic] = waiting
        return found

    def _check_open(self) -> None:
        if not self._open:
            raise ConnectionFailedError("The RabbitMQ bus is not open.", "Call open() first.")
