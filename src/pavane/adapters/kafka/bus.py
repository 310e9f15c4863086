"""Kafka as a bus: topics, consumer groups and offsets are Kafka's own.

A process has one producer, and one consumer for each group that it has members in. Members in one
process share what comes to it; between processes Kafka shares the partitions out. See
docs/reference/buses.md for what that means, and for the options in the URL.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaException, Producer

from pavane.adapters.kafka.client import (
    consumer_settings,
    error_of,
    producer_settings,
)
from pavane.adapters.kafka.counters import KafkaCounters
from pavane.adapters.kafka.group import Group
from pavane.adapters.kafka.names import kafka_group, kafka_topic, topic_of
from pavane.adapters.kafka.options import KafkaOptions, read_options
from pavane.adapters.kafka.producing import Publisher
from pavane.adapters.kafka.subscription import KafkaSubscription
from pavane.adapters.kafka.topics import Place, Topics
from pavane.adapters.kafka.wire import encode
from pavane.adapters.memory.bus import size
from pavane.core.model.event import Outgoing
from pavane.errors import ConnectionFailedError, UsageError
from pavane.ports.bus import PASSING

_LEAVE_S: Final = 15.0
_PAUSE_S: Final = 0.005
_READ_UP_S: Final = 60.0


class KafkaBus:
    """One process's connection to a cluster. `url` or `options` say where it is."""

    features: frozenset[str] = frozenset({"ordered", "kept", "passing"})

    def __init__(self, url: str = "", *, options: KafkaOptions | None = None) -> None:
        self.options = options or read_options(url)
        self.counters = KafkaCounters()
        self._open = False
        self._topics = Topics(self.options, self.counters)
        self._publisher = Publisher(self.options, self.counters)
        self._groups: dict[str, Group] = {}
        self._members: list[KafkaSubscription] = []

    # --- life -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to serve. UsageError where librdkafka does not know a setting."""
        if not self._open:
            try:
                Producer({**producer_settings(self.options), "bootstrap.servers": ""})
            except KafkaException as error:
                said = error_of(error)
                raise UsageError(
                    f"The settings for Kafka are not valid: {said.str() if said else error}.",
                    "They are those of librdkafka, by name and value.",
                ) from error
            self._open = True

    async def close(self) -> None:
        """Stop serving; the members leave their groups, and what is on its way is waited for."""
        if not self._open:
            return
        self._open = False
        await asyncio.gather(*(member.close() for member in list(self._members)))
        await self._publisher.close()
        self._topics.close()

    def crash(self) -> KafkaBus:
        """The process is dead; what a new one would open. For tests."""
        if self._open:
            self._open = False
            for group in self._groups.values():
                group.crash()
            for member in self._members:
                member.leave()
            self._groups.clear()
            self._members.clear()
        return self.another()

    def another(self) -> KafkaBus:
        """A connection of another process, not open yet."""
        return KafkaBus(options=self.options)

    # --- publishing -----------------------------------------------------------------------------

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Hand events over, in this order; all are on the brokers that must have them."""
        self._check_open()
        self.counters.publishes += 1
        self.counters.published += len(events)
        self.counters.published_bytes += sum(size(out.event) for out in events)
        messages = [(self._named(out.topic), out.key, encode(out.event)) for out in events]
        names = {topic for topic, _, _ in messages}
        if not self._topics.knows(names):
            await self._topics.ensure(names)
        if messages:
            await self._publisher.send(messages)

    # --- reading --------------------------------------------------------------------------------

    async def subscribe(
        self, group: str, topics: Sequence[str], *, capacity: int = 1000
    ) -> KafkaSubscription:
        """Join a group that gets the events of these topics, from their first on."""
        self._check_open()
        names = list(dict.fromkeys(topics))
        await self._topics.ensure(map(self._named, names))
        self._check_open()
        joined = self._groups.get(group)
        if joined is None:
            joined = self._groups[group] = self._new_group(group)
        member = KafkaSubscription(joined, names, capacity, self.counters, self._left)
        self._members.append(member)
        joined.cover()
        joined.relieve()
        return member

    def _new_group(self, name: str) -> Group:
        prefix = self.options.prefix
        return Group(
            name,
            consumer_settings(self.options, kafka_group(name, prefix)),
            self.counters,
            passing=name.startswith(PASSING),
            named=self._named,
            read_back=partial(topic_of, prefix=prefix),
        )

    async def _left(self, member: KafkaSubscription) -> None:
        self._members.remove(member)
        group = member.group
        if group.members:
            group.cover()
            return
        if self._groups.get(group.name) is group:
            del self._groups[group.name]
        await group.leave(_LEAVE_S)

    # --- how far groups have come ---------------------------------------------------------------

    async def read_up(self, group: str) -> None:
        """Wait until a group of this process has done all that is on its topics now."""
        self._check_open()
        joined = self._groups.get(group)
        loop = asyncio.get_running_loop()
        until = loop.time() + _READ_UP_S
        ends = await self._topics.ends(await self._places(joined)) if joined else {}
        while joined is None or not joined.has_done(ends):
            if joined is None or loop.time() > until:
                raise ConnectionFailedError(
                    f"The group {group} has not read what is on the bus.",
                    "See that it has a member here, and that the brokers can be reached.",
                )
            await asyncio.sleep(_PAUSE_S)

    async def undone_since(self, group: str) -> int:
        """When the oldest message came into Kafka that this process has and has not done (ms).

        1 where nothing is assigned to it, or the group has no member here.
        """
        self._check_open()
        joined = self._groups.get(group)
        return joined.undone_since() if joined is not None else 1

    async def lag(
        self, groups: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, dict[str, int]]:
        """How many messages each group of this process has before it, by group and by topic; or

        each of these.

        All processes of the group are counted together; what was done out of turn counts as not
        done.
        """
        self._check_open()
        found: dict[str, dict[str, int]] = {}
        if groups is None:
            groups = {
                name: {topic for member in group.members for topic in member.topics}
                for name, group in list(self._groups.items())
                if not group.passing
            }
        for name, topics in groups.items():
            named = [self._named(each) for each in sorted(topics)]
            places = await self._topics.partitions(named, absent_too=True)
            if not places:
                continue
            ends = await self._topics.ends(places)
            done = await self._topics.committed(kafka_group(name, self.options.prefix), places)
            behind: defaultdict[str, int] = defaultdict(int)
            for place, end in ends.items():
                topic = topic_of(place[0], self.options.prefix)
                behind[topic] += end - max(done.get(place, -1), 0)
            found[name] = dict(behind)
        return found

    async def _places(self, group: Group) -> list[Place]:
        topics = {topic for member in group.members for topic in member.topics}
        return await self._topics.partitions([self._named(each) for each in sorted(topics)])

    def _named(self, topic: str) -> str:
        return kafka_topic(topic, self.options.prefix)

    def _check_open(self) -> None:
        if not self._open:
            raise ConnectionFailedError("The Kafka bus is not open.", "Call open() first.")
