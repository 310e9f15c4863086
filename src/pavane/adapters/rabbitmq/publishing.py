"""Sends messages: all of a call at once, and returns when the broker has confirmed every one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from pavane.adapters.rabbitmq.connection import TROUBLE, Link, failed
from pavane.adapters.rabbitmq.counters import RabbitCounters
from pavane.adapters.rabbitmq.topology import Topology
from pavane.adapters.rabbitmq.wire import Message
from pavane.errors import ConnectionFailedError
from pavane.ports.bus import group_of

if TYPE_CHECKING:
    from aiormq.channel import Channel


class Publisher:
    """One channel with confirmations. ConnectionFailedError: none may be taken for sent."""

    def __init__(self, link: Link, topology: Topology, counters: RabbitCounters) -> None:
        self._link = link
        self._options = link.options
        self._topology = topology
        self._counters = counters
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them in this order, over one channel, and wait once for all confirmations.

        A message that no queue wanted is counted; one for a role must have come to its queue.
        """
        if not messages:
            return
        channel = await self._current()
        self._counters.waits += 1
        # Their frames go out in the order of these coroutines: the channel's lock is fair.
        sending = [
            channel.basic_publish(
                each.body,
                exchange=each.exchange,
                routing_key=each.routing_key,
                properties=each.properties,
                mandatory=True,
                wait=False,
            )
            for each in messages
        ]
        try:
            async with asyncio.timeout(self._options.timeout_s + len(messages) / 100):
                answers = await asyncio.gather(*sending)
        except TROUBLE as error:
            self._channel = None
            if isinstance(error, ChannelNotFoundEntity):
                self._topology.forget()  # an exchange was deleted: the next call makes it again
            raise failed(self._options, "has not confirmed what was sent", error) from error
        for message, answer in zip(messages, answers, strict=True):
            if isinstance(answer, DeliveredMessage):
                self._returned(message)

    def _returned(self, message: Message) -> None:
        if not message.topic or group_of(message.topic):
            self._topology.forget()
            raise ConnectionFailedError(
                f"RabbitMQ has lost the queue for {message.topic or message.routing_key}.",
                "Try again: it is made anew. See who deletes queues.",
            )
        self._counters.unrouted += 1

    async def _current(self) -> Channel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._link.channel(confirms=True)
            return self._channel
