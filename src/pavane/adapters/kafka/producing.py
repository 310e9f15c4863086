"""Publishing: an ordinary producer, whose confirmations a thread of its own waits for.

The thread is awake only while something is on its way. (The client's own asyncio producer refuses
headers, which CloudEvents need.)
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from pavane.adapters.kafka.client import LOG, error_of, failed, producer_settings
from pavane.adapters.kafka.counters import KafkaCounters
from pavane.adapters.kafka.options import KafkaOptions
from pavane.adapters.kafka.wire import Encoded

if TYPE_CHECKING:
    from confluent_kafka import Message

_POLL_S: Final = 0.2
_IDLE_S: Final = 30.0  # then the client's own log is looked at
_ROOM_S: Final = 0.01
_GRACE_S: Final = 5.0


class Sent:
    """Messages that go together: `over` when brokers have answered for each of them.

    Two threads count here, without a lock for each message: one tells how many were answered for,
    the other how many there are. Whoever of them finds that all are ends it, it may be both.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, settled: Callable[[Sent], None]) -> None:
        self.over: asyncio.Future[None] = loop.create_future()
        self.error: KafkaError | None = None
        self.failures = 0
        self.handed = 0  # to the client
        self._answered = 0
        self._all = -1  # nobody knows yet
        self._ended = False
        self._loop = loop
        self._settled = settled

    def told(self, error: KafkaError | None, message: Message | None = None) -> None:
        """What became of one; in the thread that polls."""
        del message
        if error is not None:
            self.failures += 1
            self.error = self.error or error
        self._answered += 1
        if self._answered == self._all:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._end)

    def all(self) -> None:
        """No more are handed over; on the loop."""
        self._all = self.handed
        if self._answered == self._all:
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._settled(self)
            if not self.over.done():
                self.over.set_result(None)


class Publisher:
    """The producer of one connection. A producer that has broken for good is replaced."""

    def __init__(self, options: KafkaOptions, counters: KafkaCounters) -> None:
        self._options = options
        self._counters = counters
        self._producer: Producer | None = None
        self._going = 0
        self._awake = threading.Event()

    async def send(self, messages: Sequence[tuple[str, str, Encoded]]) -> None:
        """Messages as topic, key and the rest, in this order; when it returns, brokers have them.

        ConnectionFailedError: of some that is not known.
        """
        loop = asyncio.get_running_loop()
        producer = self._open()
        sent = Sent(loop, self._settled)
        self._going += 1
        self._awake.set()
        error: Exception | None = None
        try:
            await self._produce(producer, messages, sent)
        except (KafkaException, BufferError) as raised:
            error = raised
        finally:  # also of one that was cancelled: the thread is to rest when all have answers
            sent.all()
        try:
            async with asyncio.timeout(self._options.timeout_s + _GRACE_S):
                await asyncio.shield(sent.over)
        except TimeoutError:
            raise failed(self._options, "Nobody confirms events", "the time is up") from None
        self._counters.confirmed += len(messages) - sent.failures
        self._counters.failed += sent.failures
        if (wrong := error or sent.error) is not None:
            self._replace_if_broken(wrong)
            raise failed(self._options, "Events could not be handed over", wrong)

    async def _produce(
        self, producer: Producer, messages: Sequence[tuple[str, str, Encoded]], sent: Sent
    ) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.timeout_s
        produce, told = producer.produce, sent.told
        for topic, key, (headers, value) in messages:
            coded = key.encode() or None
            while True:
                try:
                    produce(topic, value, coded, headers=headers, on_delivery=told)
                    break
                except BufferError:  # as much is on its way as the client holds
                    if loop.time() > until:
                        raise
                    await asyncio.sleep(_ROOM_S)
            sent.handed += 1

    def _open(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(producer_settings(self._options))
            thread = threading.Thread(
                target=self._poll, args=(self._producer,), name="pavane-kafka-producer", daemon=True
            )
            thread.start()
        return self._producer

    def _poll(self, producer: Producer) -> None:
        while self._producer is producer:
            if not self._awake.wait(_IDLE_S):
                producer.poll(0)
                continue
            producer.poll(_POLL_S)
        producer.poll(0)

    def _settled(self, sent: Sent) -> None:
        del sent
        self._going -= 1
        if not self._going:
            self._awake.clear()

    def _replace_if_broken(self, error: object) -> None:
        said = error if isinstance(error, KafkaError) else None
        if isinstance(error, BaseException):
            said = error_of(error)
        if said is not None and (said.fatal() or said.code() == KafkaError._FATAL):
            LOG.warning("the producer is broken, and another one is made: %s", said)
            self._let_go()

    def _let_go(self) -> None:
        self._producer = None
        self._awake.set()  # its thread ends

    async def close(self) -> None:
        """Wait a little for what is on its way, and let go of the producer."""
        producer = self._producer
        if producer is None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._options.timeout_s
        while self._going and loop.time() < until:  # noqa: ASYNC110  # librdkafka gives no other sign
            await asyncio.sleep(_ROOM_S)
        self._let_go()
