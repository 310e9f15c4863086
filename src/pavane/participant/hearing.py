"""Events from outside the roles' own talk: who in a service wants them, and when they are done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from pavane.errors import PavaneError
from pavane.ports.bus import Delivery, Subscription
from pavane.ports.ledger import Todo

_LOG = logging.getLogger("pavane.participant")

_PAUSE_S = 1.0  # after trouble
_TELLS_MAX = 6  # how often the bus is told what became of an event; it comes again if never


class Ear(Protocol):
    """Somebody in the service who listens to events: its handlers, waiting steps, starts."""

    @property
    def topics(self) -> Collection[str]:
        """Where its events come from."""
        ...

    def listening(self) -> Mapping[str, Sequence[str]]:
        """Who takes events here, in words, by their type."""
        ...

    def hear(self, delivery: Delivery) -> Awaitable[Any]:
        """Take an event; when it is over, all that it brings about here is durable."""
        ...

    def owns(self, todo: Todo) -> bool:
        """Whether a timer of the ledger is for it."""
        ...

    def fire(self, todo: Todo) -> Awaitable[Any]:
        """The time of its timer has come."""
        ...


class Hearing:
    """Hands events and timers to the ears of a service; an event is done when all are."""

    def __init__(self, rung: Callable[[str, str], None]) -> None:
        self._rung = rung
        self._ears: list[Ear] = []
        self._going: set[asyncio.Future[Any]] = set()
        self._over: dict[Subscription, list[Delivery]] = {}  # the bus is told in a moment

    def add(self, ear: Ear) -> None:
        """Let one more listen. Before the service subscribes."""
        self._ears.append(ear)

    @property
    def topics(self) -> list[str]:
        """All topics that somebody listens to."""
        return sorted({topic for ear in self._ears for topic in ear.topics})

    def listening(self) -> dict[str, list[str]]:
        """Who takes events in this service, in words, by their type."""
        found: dict[str, list[str]] = {}
        for ear in self._ears:
            for type, who in ear.listening().items():
                found.setdefault(type, []).extend(who)
        return {type: sorted(set(found[type])) for type in sorted(found)}

    def take(self, delivery: Delivery, subscription: Subscription) -> None:
        """Let everybody hear it; call it in the order of the deliveries."""
        heard = [ear.hear(delivery) for ear in self._ears if delivery.topic in ear.topics]
        all_heard = asyncio.ensure_future(heard[0]) if len(heard) == 1 else asyncio.gather(*heard)
        self._finish(delivery, subscription, all_heard)

    def _finish(
        self, delivery: Delivery, subscription: Subscription, heard: asyncio.Future[Any]
    ) -> None:
        """Tell the bus what became of it, once it is heard."""
        self._going.add(heard)
        heard.add_done_callback(partial(self._heard, delivery, subscription))

    def _heard(
        self, delivery: Delivery, subscription: Subscription, heard: asyncio.Future[Any]
    ) -> None:
        self._going.discard(heard)
        if heard.cancelled():
            return  # it comes again
        if (error := heard.exception()) is not None:  # no fault of one event may end the loop
            _say("%s could not be taken in and comes again", delivery.event.id, error)
            pause_ms = int(_PAUSE_S * 1000)
            self._follow(_tell([delivery], lambda: subscription.back(delivery, pause_ms)))
            return
        over = self._over.get(subscription)
        if over is None:
            over = self._over[subscription] = []
            self._follow(self._done(subscription, over))
        over.append(delivery)

    async def _done(self, subscription: Subscription, over: list[Delivery]) -> None:
        """What is done at the same time is told together."""
        del self._over[subscription]
        await _tell(over, lambda: subscription.done(over))

    def ring(self, todo: Todo) -> bool:
        """Hand a timer to whoever it is for; False when that is nobody here."""
        ear = next((each for each in self._ears if each.owns(todo)), None)
        if ear is not None:
            self._follow(self._fire(ear, todo))
        return ear is not None

    async def _fire(self, ear: Ear, todo: Todo) -> None:
        try:
            await ear.fire(todo)
        except Exception as error:  # noqa: BLE001  # as above; it stays due
            _say("%s could not be dealt with", todo.name, error)
            await asyncio.sleep(_PAUSE_S)
        finally:
            self._rung(todo.execution, todo.name)

    async def stop(self, grace_s: float = 10.0) -> None:
        """Wait for what is going on, and leave what takes longer: it comes again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_s
        while self._going and loop.time() < until:  # what is heard has yet to be told
            await asyncio.wait(self._going, timeout=until - loop.time())
        left = list(self._going)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._over.clear()

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)


def _say(what: str, id: str, error: BaseException) -> None:
    """A ledger that was taken over, or has trouble, says so itself; a fault shows where it is."""
    if isinstance(error, PavaneError):
        _LOG.warning(f"{what}: %s", id, error)
    else:
        _LOG.error(what, id, exc_info=error)


async def _tell(deliveries: Sequence[Delivery], tell: Callable[[], Awaitable[None]]) -> None:
    """Tell the bus what became of events, again while it has trouble."""
    pause_s = _PAUSE_S
    which = deliveries[0].event.id
    if others := len(deliveries) - 1:
        which += f" and {others} more"
    for n in range(1, _TELLS_MAX + 1):
        try:
            return await tell()
        except PavaneError as error:
            _LOG.warning("the bus cannot be told what became of %s (%d): %s", which, n, error)
        except Exception:  # noqa: BLE001  # a fault of an adapter, which nobody else would see
            _LOG.exception("the bus cannot be told what became of %s (%d)", which, n)
        if n < _TELLS_MAX:
            await asyncio.sleep(pause_s)
            pause_s *= 2
