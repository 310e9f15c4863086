"""A group's members in this process: what comes for them, and what is told the broker for them.

Each topic is read on a channel of its own. A task of the group opens the channels, and opens them
again when they are lost, with pauses that grow to a bound, until the last member has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from pavane.adapters.rabbitmq import delays, wire
from pavane.adapters.rabbitmq.connection import TROUBLE, Link, failed
from pavane.adapters.rabbitmq.counters import RabbitCounters
from pavane.adapters.rabbitmq.lanes import Item, Lane
from pavane.errors import ConnectionFailedError

if TYPE_CHECKING:
    from aiormq.abc import DeliveredMessage

    from pavane.adapters.rabbitmq.subscription import RabbitSubscription

_LOG = logging.getLogger("pavane.bus")

_PAUSE_S: Final = (0.05, 5.0)
_AGAIN_S: Final = 1.0
_CLOSE_S: Final = 5.0
_AWAY_S: Final = 10.0  # the broker may be late with what rested

Rest = Callable[["DeliveredMessage", wire.Read, str, int], Awaitable[None]]
"""Puts a copy of a message where it comes from there to this queue, so many units later."""


class Group:
    """One group in one process. `passing`: it reads streams, and nothing is kept for it."""

    def __init__(
        self,
        name: str,
        link: Link,
        counters: RabbitCounters,
        rest: Rest,
        *,
        passing: bool,
        gone: Callable[[Group], None],
    ) -> None:
        self.name = name
        self.counters = counters
        self.passing = passing
        self.lanes: dict[str, Lane] = {}
        self.members: dict[RabbitSubscription, None] = {}
        self._link = link
        self._rest = rest
        self._gone = gone
        self._news = asyncio.Event()
        self._tending: asyncio.Task[None] | None = None
        self._stopping = False
        self._resting: set[asyncio.Task[None]] = set()
        self._away: list[tuple[float, int]] = []  # given back: until when, when it was written

    # --- members --------------------------------------------------------------------------------

    def join(self, member: RabbitSubscription, queues: dict[str, str]) -> None:
        """One more member; `queues` are those of its topics."""
        self.members[member] = None
        for topic, queue in queues.items():
            if topic not in self.lanes:
                self.lanes[topic] = Lane(topic, queue, passing=self.passing)
        self._news.set()
        if self._tending is None:
            self._stopping = False
            self._tending = asyncio.create_task(self._tend())

    async def left(self) -> None:
        """A member has left; with the last one the group leaves this process."""
        if not self.members:
            self._gone(self)
            await self.stop()

    async def stop(self) -> None:
        """Read no more; what came and is not done goes back to the queues, in its order.

        A call to the broker that is under way is waited for: the client closes the channel of one
        that is cancelled, and now and then hears nothing on its connection from then on.
        """
        tending, self._tending = self._tending, None
        self._stopping = True
        self._news.set()
        if tending is not None:
            await asyncio.wait([tending], timeout=_CLOSE_S)
        tasks = [*self._resting, *([tending] if tending else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(self._release(lane) for lane in self.lanes.values()))

    async def _release(self, lane: Lane) -> None:
        channel = lane.channel
        lane.lost()
        if channel is not None and not channel.is_closed:
            with contextlib.suppress(*TROUBLE):
                async with asyncio.timeout(_CLOSE_S):
                    await channel.close()

    def wake(self) -> None:
        """There may be something to take, for anybody."""
        for member in self.members:
            member.wake()

    # --- reading --------------------------------------------------------------------------------

    async def _tend(self) -> None:
        pause_s = _PAUSE_S[0]
        while not self._stopping:
            self._news.clear()
            try:
                for lane in list(self.lanes.values()):
                    if lane.channel is None and not self._stopping:
                        await self._read(lane)
                pause_s = _PAUSE_S[0]
                if not self._stopping:
                    await self._news.wait()
            except ConnectionFailedError as error:
                _LOG.warning("%s cannot read, trying again: %s", self.name, error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._stopped()
                pause_s = min(pause_s * 2, _PAUSE_S[1])

    async def _stopped(self) -> None:
        while not self._stopping:
            self._news.clear()
            await self._news.wait()

    async def _read(self, lane: Lane) -> None:
        """Let the broker deliver what is in the lane's queue from now on."""
        options = self._link.options
        channel = await self._link.channel()
        arguments: dict[str, Any] = {}
        if lane.passing:
            arguments["x-stream-offset"] = lane.next_offset or "first"
        lane.channel = channel
        closing = cast("asyncio.Future[Any]", channel.closing)  # pyright: ignore[reportUnknownMemberType] aiormq does not say of what
        closing.add_done_callback(partial(self._lost, lane, channel))
        channel.on_consumer_cancel_callbacks.add(partial(self._lost, lane, channel))
        try:
            async with asyncio.timeout(options.timeout_s):
                await channel.basic_qos(prefetch_count=options.prefetch)
                came = partial(self._came, lane, channel)
                await channel.basic_consume(lane.queue, came, arguments=arguments)
        except TROUBLE as error:
            await self._release(lane)
            raise failed(options, f"does not let {lane.queue} be read", error) from error

    def _lost(self, lane: Lane, channel: object, _: object) -> None:
        if lane.channel is channel:
            lane.lost()
            self._news.set()
            self.wake()

    async def _came(self, lane: Lane, channel: object, message: DeliveredMessage) -> None:
        if lane.channel is not channel:
            return  # it comes again
        headers = wire.headers_of(message)
        if lane.passing:
            offset = headers.get("x-stream-offset", 0)
            if offset < lane.next_offset:
                return await self._tell(lane, message)  # the broker begins where it likes
            lane.next_offset = offset + 1
        if nonce := headers.get(wire.MARK):
            lane.mark(str(nonce))
            return await self._tell(lane, message)
        read = wire.decode(message)
        if read.left and not lane.passing:
            task = asyncio.create_task(self._rest_on(lane, message, read))
            self._resting.add(task)
            task.add_done_callback(self._resting.discard)
            return None
        self.counters.faults += bool(read.fault)
        lane.came(message, read)
        self.wake()
        return None

    async def _rest_on(self, lane: Lane, message: DeliveredMessage, read: wire.Read) -> None:
        """The delay of a message is not over: it rests once more."""
        epoch, counted = lane.epoch, read._replace(times=read.times - 1)
        while epoch == lane.epoch:
            try:
                await self._rest(message, counted, lane.queue, read.left)
                return await self._tell(lane, message)
            except ConnectionFailedError as error:
                _LOG.warning("%s cannot let a message rest, trying again: %s", self.name, error)
                await asyncio.sleep(_AGAIN_S)
        return None

    # --- what became of it ----------------------------------------------------------------------

    async def acknowledge(self, items: Sequence[Item]) -> None:
        """They are done."""
        valid = [item for item in items if item.valid]
        for item in valid:
            item.lane.finish(item)
            await self._tell(item.lane, item.message, wait=item is valid[-1])

    async def give_back(self, item: Item, delay_ms: int) -> None:
        """Let it come again, not before so long. ConnectionFailedError: it is still in hand."""
        if self.passing:
            loop = asyncio.get_running_loop()
            loop.call_later(max(delay_ms, 0) / 1000, self._behind, item)
        elif item.valid:
            counted = item.read._replace(times=item.times)
            units = delays.units(delay_ms)
            until = asyncio.get_running_loop().time() + units * delays.UNIT_MS / 1000 + _AWAY_S
            self._away.append((until, max(item.read.event.time, 1)))
            await self._rest(item.message, counted, item.lane.queue, units)
            await self.acknowledge([item])

    def oldest(self) -> int:
        """When the first event was written that is not done, as far as it came here (ms); 0: none.

        What was given back counts until it should have come again.
        """
        now = asyncio.get_running_loop().time()
        self._away = [each for each in self._away if each[0] > now]
        times = [written for _, written in self._away]
        times += [oldest for lane in self.lanes.values() if (oldest := lane.oldest())]
        return min(times, default=0)

    def _behind(self, item: Item) -> None:
        item.lane.behind(item)
        self.wake()

    async def _tell(self, lane: Lane, message: DeliveredMessage, *, wait: bool = False) -> None:
        """Acknowledge; on a channel that is lost by now nobody waits for it."""
        if lane.channel is None or message.delivery_tag is None:
            return
        with contextlib.suppress(*TROUBLE):
            await lane.channel.basic_ack(message.delivery_tag, wait=wait)
            self.counters.acknowledged += 1
