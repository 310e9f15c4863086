"""Topics: made when they are not there, once each; and how far groups have come in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,  # pyright: ignore[reportPrivateImportUsage]  # documented there, not re-exported
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage]  # the same
)

from pavane.adapters.kafka.client import any_settings, error_of, failed
from pavane.adapters.kafka.counters import KafkaCounters
from pavane.adapters.kafka.options import BYTES_MAX, KafkaOptions
from pavane.errors import ConnectionFailedError

Place = tuple[str, int]
"""A topic, as Kafka calls it, and a partition."""

_PAUSE_S: Final = 0.05
_PASSING = {  # of topics that were made a moment ago, and while leaders change
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


class Topics:
    """Asks the cluster about topics. Its methods wait at most about `timeout_s`."""

    def __init__(self, options: KafkaOptions, counters: KafkaCounters) -> None:
        self._options = options
        self._counters = counters
        self._known: set[str] = set()
        self._admin: AdminClient | None = None
        self._making = asyncio.Lock()

    def close(self) -> None:
        """Let go of the connection."""
        self._admin = None

    def knows(self, names: Iterable[str]) -> bool:
        """Whether all of them were seen to be there."""
        return self._known.issuperset(names)

    async def ensure(self, names: Iterable[str]) -> None:
        """See that the topics are there. ConnectionFailedError where one cannot be had."""
        async with self._making:
            missing = [name for name in dict.fromkeys(names) if name not in self._known]
            if not missing:
                return
            refused = await self._make(missing) if self._options.create else {}
            await self._see(missing, refused)
            self._known.update(missing)

    async def _make(self, names: Sequence[str]) -> dict[str, KafkaException]:
        """Make them; what was said of those that were not made and are not known to be there."""
        options = self._options
        wanted = [
            NewTopic(
                name,
                num_partitions=options.partitions,
                replication_factor=options.replication,
                config={"max.message.bytes": str(BYTES_MAX)},
            )
            for name in names
        ]
        made = self._ask().create_topics(
            wanted, request_timeout=options.timeout_s, operation_timeout=options.timeout_s
        )
        refused: dict[str, KafkaException] = {}
        for name, future in made.items():
            try:
                await _soon(future, options)
            except KafkaException as error:
                said = error_of(error)
                if said is None or said.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    refused[name] = error
        return refused

    async def _see(self, names: Sequence[str], refused: Mapping[str, KafkaException]) -> None:
        """Wait until brokers say that they are there: a new one takes a moment to be known."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.timeout_s
        while True:
            asked = self._ask().describe_topics(
                TopicCollection(list(names)), request_timeout=self._options.timeout_s
            )
            absent: dict[str, BaseException] = {}
            for name, future in asked.items():
                try:
                    await _soon(future, self._options)
                except KafkaException as error:
                    absent[name] = error
            if not absent:
                return
            name, error = next(iter(absent.items()))
            said = error_of(error)
            passing = said is not None and said.code() in _PASSING and name not in refused
            if not passing or not self._options.create or loop.time() > until:
                raise self._absent(name, refused.get(name, error))
            await asyncio.sleep(_PAUSE_S)

    def _absent(self, name: str, error: BaseException) -> ConnectionFailedError:
        wrong = failed(self._options, f"The topic {name} cannot be had", error)
        if not self._options.create:
            wrong.remedy = "Make the topic, or leave create=no out of the URL of the bus."
        return wrong

    # --- how far groups have come ---------------------------------------------------------------

    async def partitions(self, names: Sequence[str], *, absent_too: bool = False) -> list[Place]:
        """All partitions of topics that are there; `absent_too`: none of one that is not."""
        if not names:
            return []
        asked = self._ask().describe_topics(
            TopicCollection(list(names)), request_timeout=self._options.timeout_s
        )
        found: list[Place] = []
        for name, future in asked.items():
            try:
                told = await self._answered(future, f"The topic {name} cannot be seen")
            except ConnectionFailedError as error:
                said = error_of(error.__cause__ or error)
                if absent_too and said is not None and said.code() in _PASSING:
                    continue
                raise
            found += [(name, each.id) for each in told.partitions]
        return found

    async def ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """The offset that comes next in each."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.timeout_s
        while True:
            wanted = {TopicPartition(*place): OffsetSpec.latest() for place in places}
            asked = self._ask().list_offsets(wanted, request_timeout=self._options.timeout_s)
            try:
                return {
                    (each.topic, each.partition): (await _soon(future, self._options)).offset
                    for each, future in asked.items()
                }
            except KafkaException as error:
                said = error_of(error)
                if said is None or said.code() not in _PASSING or loop.time() > until:
                    raise failed(
                        self._options, "It is not known how long topics are", error
                    ) from error
            await asyncio.sleep(_PAUSE_S)

    async def committed(self, group: str, places: Sequence[Place]) -> dict[Place, int]:
        """The offset that a group has committed in each; -1 where it has none."""
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(*each) for each in places])
        asked = self._ask().list_consumer_group_offsets(
            [wanted], request_timeout=self._options.timeout_s
        )
        told = await self._answered(asked[group], f"The group {group} cannot be seen")
        found: dict[Place, int] = {}
        for each in told.topic_partitions or ():
            found[each.topic, each.partition] = max(each.offset, -1)
        return found

    async def _answered(self, future: Future[Any], what: str) -> Any:
        try:
            return await _soon(future, self._options)
        except KafkaException as error:
            raise failed(self._options, what, error) from error

    def _ask(self) -> Any:
        """The client, one call more; its stubs leave open what it answers."""
        self._counters.administered += 1
        if self._admin is None:
            self._admin = AdminClient(any_settings(self._options))
        return self._admin


async def _soon(future: Future[Any], options: KafkaOptions) -> Any:
    """The answer; the client itself gives up in time, and this is for when it does not."""
    waiting: Awaitable[Any] = asyncio.wrap_future(future)
    try:
        async with asyncio.timeout(options.timeout_s + 5.0):
            return await waiting
    except TimeoutError:
        raise failed(options, "There is no answer", "the time is up") from None
