"""Exchanges, queues and bindings: declared when they are first needed, once for each process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from pavane.adapters.rabbitmq import names
from pavane.adapters.rabbitmq.connection import TROUBLE, Link, failed
from pavane.adapters.rabbitmq.counters import RabbitCounters
from pavane.adapters.rabbitmq.delays import UNIT_MS
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import group_of, is_shared_out

if TYPE_CHECKING:
    from aiormq.channel import Channel

_FOR_EVER: Final = 1_000_000_000
"""How often a message may be returned before the broker drops it, which it by default does soon."""
_SEGMENT_BYTES: Final = 20_000_000  # of a stream: it forgets whole segments


class Topology:
    """Makes what is not there. All methods raise ConnectionFailedError."""

    def __init__(self, link: Link, counters: RabbitCounters) -> None:
        self._link = link
        self._options = link.options
        self._counters = counters
        self._known: set[str] = set()
        self._topics: set[str] = set()
        self._making = asyncio.Lock()
        self._channel: Channel | None = None

    @property
    def known(self) -> frozenset[str]:
        """What was declared by this process: "exchange NAME" and "queue NAME"."""
        return frozenset(self._known)

    def forget(self) -> None:
        """Somebody has deleted something: declare all of it again when it is needed."""
        self._known.clear()
        self._topics.clear()

    async def topic(self, topic: str) -> str:
        """The exchange of a topic, and what has to be bound to it from the beginning."""
        exchange = names.exchange_of(topic, self._options.prefix)
        if topic not in self._topics:
            await self._exchange(exchange)
            if group := group_of(topic):
                await self.queue(group, topic)
            elif names.is_kept(topic, self._options.kept):
                await self.stream(topic)
            self._topics.add(topic)
        return exchange

    async def queue(self, group: str, topic: str) -> str:
        """The queue of a group for a topic: replicated, and read by one process at a time,

        unless what is in it has no order.
        """
        queue = names.queue_of(group, topic, self._options.prefix)
        arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": _FOR_EVER}
        if not is_shared_out(topic):
            arguments["x-single-active-consumer"] = True
        await self._bound(queue, names.exchange_of(topic, self._options.prefix), arguments)
        return queue

    async def stream(self, topic: str) -> str:
        """The stream in which what is published on a topic is kept for a time."""
        stream = names.stream_of(topic, self._options.prefix)
        await self._bound(
            stream,
            names.exchange_of(topic, self._options.prefix),
            {
                "x-queue-type": "stream",
                "x-max-age": f"{max(int(self._options.keep_s), 1)}s",
                "x-stream-max-segment-size-bytes": _SEGMENT_BYTES,
            },
        )
        return stream

    async def delay(self, level: int) -> str:
        """The exchange before the queue in which messages rest so long."""
        name = names.delay_of(level)
        if f"exchange {name}" not in self._known:
            await self._bound(
                name,
                name,
                {
                    "x-queue-type": "quorum",
                    "x-message-ttl": UNIT_MS << level,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
        return name

    async def waiting(self, queue: str) -> int:
        """How many messages of a queue nobody has been given yet."""

        async def ask(channel: Channel) -> int:
            told = await channel.queue_declare(queue, passive=True)
            return told.message_count or 0

        async with self._making:
            return await self._do(ask)

    async def waiting_if_there(self, group: str, topic: str) -> int | None:
        """The same of the queue of a group for a topic; None where there is no such queue."""
        try:
            return await self.waiting(names.queue_of(group, topic, self._options.prefix))
        except ConnectionFailedError as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return None
            raise

    # --- declaring ------------------------------------------------------------------------------

    async def _exchange(self, name: str) -> None:
        async def declare(channel: Channel) -> None:
            await channel.exchange_declare(name, exchange_type="fanout", durable=True)

        async with self._making:
            if f"exchange {name}" not in self._known:
                await self._do(declare)
                self._known.add(f"exchange {name}")

    async def _bound(self, queue: str, exchange: str, arguments: dict[str, Any]) -> None:
        """A queue of this kind, bound to its exchange."""
        if f"queue {queue}" in self._known:
            return
        await self._exchange(exchange)

        async def declare(channel: Channel) -> None:
            await channel.queue_declare(queue, durable=True, arguments=arguments)

        async def bind(channel: Channel) -> None:
            await channel.queue_bind(queue, exchange)

        async with self._making:
            if f"queue {queue}" in self._known:
                return
            try:
                await self._do(declare)
            except ConnectionFailedError as error:
                if not isinstance(error.__cause__, ChannelPreconditionFailed):
                    raise
                if arguments["x-queue-type"] != "stream":  # it may have been kept another time
                    raise ConnectionFailedError(
                        f"The queue {queue} is there and is another kind of queue.",
                        "Delete it, or give the bus another prefix in its URL.",
                    ) from error
            await self._do(bind)
            self._known.add(f"queue {queue}")

    async def _do(self, ask: Callable[[Channel], Awaitable[Any]]) -> Any:
        """Ask on the channel that is kept for that; an error has closed it."""
        self._counters.declared += 1
        try:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._link.channel()
            async with asyncio.timeout(self._options.timeout_s):
                return await ask(self._channel)
        except TROUBLE as error:
            self._channel = None
            if isinstance(error, ChannelNotFoundEntity):
                self.forget()
            raise failed(self._options, "does not declare what is needed", error) from error
