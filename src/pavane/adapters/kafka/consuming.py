"""A consumer of Kafka in a thread of its own: the client allows no two calls at once.

The thread waits for messages, and between two waits does what the loop has asked for. What it finds
it tells the loop, in order; the loop is woken once for all that it has not heard yet. While that is
much the thread waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError as Cancelled
from concurrent.futures import TimeoutError as TooLate
from typing import TYPE_CHECKING, Any, Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from pavane.adapters.kafka.client import LOG, error_of
from pavane.adapters.kafka.position import Position, read, write
from pavane.adapters.kafka.topics import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka import Message

_POLL_S: Final = 0.05
_BATCH: Final = 500
_LOOK_S: Final = 0.5
_COMMITTED_S: Final = 10.0
_PARTITIONS_S: Final = 60.0  # how often one who is in no group looks for new partitions
_AGAIN_S: Final = 1.0  # and when that went wrong

SETTLE_S: Final = 5.0
"""So long a partition that goes to another process waits for what is in hand here."""


class Listener(Protocol):
    """Who gets what a consumer finds; all on the loop."""

    def assigned(self, positions: Mapping[Place, Position]) -> None:
        """These partitions are ours now, from there on."""
        ...

    def revoked(self, places: Sequence[Place]) -> Awaitable[Mapping[Place, Position]]:
        """They go to others: settle what is in hand, and say how far we have come."""
        ...

    def lost(self, places: Sequence[Place]) -> None:
        """They may be others' already."""
        ...

    def received(self, messages: Sequence[Message]) -> None:
        """Messages, each partition's in order."""
        ...

    def committed(self, error: KafkaError | None) -> None:
        """The last commit is over."""
        ...

    def broken(self, error: BaseException) -> None:
        """The consumer has ended by itself."""
        ...


class Consuming:
    """One consumer. `passing`: it is in no group, and reads everything from the beginning."""

    def __init__(self, settings: dict[str, Any], listener: Listener, *, passing: bool) -> None:
        self._settings = settings
        self._listener = listener
        self._passing = passing
        self._loop = asyncio.get_running_loop()
        self._asked: deque[Callable[[Consumer], None]] = deque()
        self._told: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # not heard yet
        self._woken = False  # the loop is about to hear it
        self._handed = 0  # messages; only the thread counts here,
        self._taken = 0  # and only the loop here
        self._room = threading.Event()
        self._topics: list[str] = []
        self._mine: set[Place] = set()
        self._look_at = 0.0
        self._last: Mapping[Place, Position] | None = None  # to commit before it ends
        self._ending = False
        self._abandoned = False
        self._over = self._loop.create_future()
        thread = threading.Thread(target=self._run, name="pavane-kafka-consumer", daemon=True)
        thread.start()

    # --- on the loop ----------------------------------------------------------------------------

    def want(self, topics: Sequence[str]) -> None:
        """Read these topics, and no others."""
        wanted = list(topics)
        self._asked.append(lambda consumer: self._subscribe(consumer, wanted))

    def commit(self, positions: Mapping[Place, Position]) -> None:
        """Ask for it; `committed` tells when it is over."""
        self._asked.append(lambda consumer: self._commit(consumer, positions))

    def pause(self, places: Sequence[Place]) -> None:
        """Hand over nothing more of these."""
        wanted = list(places)
        self._asked.append(lambda consumer: consumer.pause(self._of(wanted)))

    def resume(self, places: Sequence[Place]) -> None:
        """Go on with these."""
        wanted = list(places)
        self._asked.append(lambda consumer: consumer.resume(self._of(wanted)))

    async def stop(self, positions: Mapping[Place, Position], timeout_s: float) -> None:
        """Commit, and leave the group."""
        self._last = positions
        self._ending = True
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._over)
        except TimeoutError:
            LOG.warning("a consumer does not end within %g s and is left to itself", timeout_s)

    def abandon(self) -> None:
        """As if the process had died: nothing is committed, and the group is not told."""
        self._abandoned = self._ending = True

    # --- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        error: BaseException | None = None
        consumer: Consumer | None = None
        try:
            settings = {**self._settings, "on_commit": self._on_commit}
            consumer = Consumer(settings)
            self._read(consumer)
        except Exception as raised:  # noqa: BLE001  # whatever it is, the group must be told
            error = raised
        if consumer is not None and not self._abandoned:
            self._leave(consumer)
        if error is not None and not self._ending:
            self._tell(self._listener.broken, error)
        self._tell(_settle, self._over)

    def _read(self, consumer: Consumer) -> None:
        while not self._ending:
            while self._asked:
                self._obey(consumer, self._asked.popleft())
            if self._passing and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _AGAIN_S
                self._obey(consumer, self._assign_all)
            message = consumer.poll(_POLL_S)
            if message is not None:
                self._hand_over([message, *consumer.consume(_BATCH - 1, 0)])

    def _obey(self, consumer: Consumer, order: Callable[[Consumer], None]) -> None:
        try:
            order(consumer)
        except KafkaException as error:
            LOG.info("a consumer was refused something: %s", error)
            if (said := error.args[0]) and said.fatal():
                raise

    def _commit(self, consumer: Consumer, positions: Mapping[Place, Position]) -> None:
        """What went to others since it was asked is theirs to commit: they are further by now."""
        ours = {place: each for place, each in positions.items() if place in self._mine}
        error: KafkaError | None = None
        try:
            if offsets := _offsets(ours):
                consumer.commit(offsets=offsets, asynchronous=True)
                return
        except KafkaException as raised:
            error = error_of(raised)
        self._tell(self._listener.committed, error)

    def _hand_over(self, messages: list[Message]) -> None:
        self._handed += len(messages)
        self._tell(self._take_in, messages)
        self._room.clear()
        while self._handed - self._taken > _BATCH and not self._ending:
            self._room.wait(_LOOK_S)

    def _take_in(self, messages: list[Message]) -> None:
        self._taken += len(messages)
        self._room.set()
        if not self._ending:
            self._listener.received(messages)

    def _leave(self, consumer: Consumer) -> None:
        try:
            if self._last and (offsets := _offsets(self._last)):
                consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            LOG.warning("what was done last is not committed, and comes again: %s", error)
        with contextlib.suppress(KafkaException, RuntimeError):
            consumer.close()

    def _tell(self, hear: Callable[..., None], *said: Any) -> None:
        """Have the loop hear it, behind what it was told before."""
        self._told.append((hear, said))
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens
                self._loop.call_soon_threadsafe(self._listen)

    def _listen(self) -> None:
        """On the loop: hear all that was told."""
        self._woken = False  # before the look: what is told from now on wakes again
        try:
            while self._told:
                hear, said = self._told.popleft()
                hear(*said)
        finally:
            if self._told:  # one of them is at fault; the others are heard all the same
                self._loop.call_soon(self._listen)

    # --- partitions -----------------------------------------------------------------------------

    def _subscribe(self, consumer: Consumer, topics: list[str]) -> None:
        self._topics = topics
        if self._passing:
            self._look_at = 0.0
        else:
            consumer.subscribe(
                topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )

    def _assign_all(self, consumer: Consumer) -> None:
        """All partitions of the topics that are wanted, those that have come since included."""
        wanted: set[Place] = set()
        for topic in self._topics:
            found = consumer.list_topics(topic, timeout=_COMMITTED_S).topics.get(topic)
            wanted |= {(topic, each) for each in (found.partitions if found else ())}
        if gone := sorted(place for place in self._mine if place[0] not in self._topics):
            consumer.incremental_unassign([TopicPartition(*place) for place in gone])
            self._mine.difference_update(gone)
            self._tell(self._listener.lost, gone)
        if new := sorted(wanted - self._mine):
            self._mine.update(new)
            self._tell(self._listener.assigned, {place: Position(-1) for place in new})
            consumer.incremental_assign([_at(place, OFFSET_BEGINNING) for place in new])
        self._look_at = time.monotonic() + _PARTITIONS_S

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._ending:
            return
        places = [(each.topic, each.partition) for each in partitions]
        positions = self._where(consumer, partitions)
        self._mine.update(places)
        self._tell(self._listener.assigned, positions)
        consumer.incremental_assign(
            [_at(place, _start(positions[place].offset)) for place in places]
        )

    def _where(self, consumer: Consumer, partitions: list[TopicPartition]) -> dict[Place, Position]:
        """What the group has committed. KafkaException where nobody says: we begin nowhere then."""
        found = consumer.committed(partitions, timeout=_COMMITTED_S)
        for each in found:
            if each.error is not None:
                raise KafkaException(each.error)
        return {(each.topic, each.partition): read(each.offset, each.metadata) for each in found}

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [(each.topic, each.partition) for each in partitions]
        self._mine.difference_update(places)
        if self._ending:
            return
        try:
            settling = asyncio.run_coroutine_threadsafe(self._settled(places), self._loop)
            positions = settling.result(2 * SETTLE_S)
            if offsets := _offsets(positions):
                consumer.commit(offsets=offsets, asynchronous=False)
        except (KafkaException, RuntimeError, TooLate, Cancelled) as error:
            LOG.warning("what was done last is not committed, and comes again: %s", error)

    async def _settled(self, places: Sequence[Place]) -> Mapping[Place, Position]:
        return await self._listener.revoked(places)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        del consumer
        places = [(each.topic, each.partition) for each in partitions]
        self._mine.difference_update(places)
        self._tell(self._listener.lost, places)

    def _of(self, places: Sequence[Place]) -> list[TopicPartition]:
        return [TopicPartition(*place) for place in places if place in self._mine]

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        wrong = error or next((each.error for each in partitions if each.error), None)
        self._tell(self._listener.committed, wrong)


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _offsets(positions: Mapping[Place, Position]) -> list[TopicPartition]:
    return [
        TopicPartition(*place, position.offset, metadata=write(position))
        for place, position in positions.items()
        if position.offset >= 0
    ]


def _at(place: Place, offset: int) -> TopicPartition:
    return TopicPartition(*place, offset)


def _start(offset: int) -> int:
    return offset if offset >= 0 else OFFSET_BEGINNING
