"""The workers of this process, at work for whichever orchestrator is on a bus."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.work import Assignment, Outcome
from pavane.engine.exchange import Attempted, Beat
from pavane.engine.queued import messages
from pavane.engine.queued.following import Outbox, follow, until_done
from pavane.engine.queued.messages import Answer, Here, Room
from pavane.engine.sessions import Held
from pavane.errors import PavaneError
from pavane.ports.bus import (
    PASSING,
    REPORTS,
    Bus,
    Delivery,
    StandingBy,
    Subscription,
    orders_topic,
    task_group,
    task_topic,
)
from pavane.ports.clock import Clock
from pavane.ports.probe import Probe
from pavane.sdk.queued.hands import Hands
from pavane.sdk.queued.offering import Offering
from pavane.sdk.remote import points
from pavane.sdk.remote.crew import assignment_of, report_of
from pavane.sdk.remote.points import NoProbe
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers

_LOG = logging.getLogger("pavane.worker")

SAY_S: Final = 2.0
"""How often each process says that it lives."""
_FOR_S: Final = 10.0  # and for how long that is to be believed
_ELSEWHERE_MS: Final = 1000  # a task that nobody here knows: another process may
_GOOD_BYE_S: Final = 2.0
_REMEMBERED: Final = 10_000  # attempts that are over


class QueuedWorkers:
    """Keeps workers busy with what comes over the bus, which is open; their source of work.

    `name` is that of this process among all on the bus. A message is done when its report is on the
    bus; one that comes again meanwhile, or afterwards, starts nothing.
    """

    def __init__(
        self,
        workers: LocalWorkers,
        services: Sequence[Service],
        bus: Bus,
        clock: Clock,
        name: str,
        probe: Probe | None = None,
    ) -> None:
        self._workers = workers
        self._services = [each.name for each in services]
        self._places = {each.name: sum(n for _, n in workers.rooms(each.name)) for each in services}
        self._bus = bus
        self._clock = clock
        self._name = name
        self._probe = probe or NoProbe()
        self._hands = Hands()
        self._waiting: dict[str, deque[Assignment]] = {}  # until the workers have room, by task
        self._over: OrderedDict[Held, Outgoing | None] = OrderedDict()  # what was said of each
        self._unwanted: OrderedDict[Held, None] = OrderedDict()
        self._outbox = Outbox(bus)
        self._subscriptions: dict[str, Subscription] = {}
        self._said = 0
        self._running: set[asyncio.Task[None]] = set()
        self.offering = Offering(bus, clock, name, self._services[0])
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- life -----------------------------------------------------------------------------------

    def listen(self) -> None:
        """Hear what is meant for this process."""
        topics = [orders_topic(each) for each in self._services]
        self._spawn(follow(self._bus, PASSING + self._name, topics, self._hear))

    def start(self) -> None:
        """Begin to take work."""
        self._workers.start(self)
        self._spawn(self._outbox.run())
        for service in self._services:
            self._spawn(
                follow(
                    self._bus,
                    task_group(service),
                    [task_topic(service)],
                    self._come,
                    capacity=max(1, self._places[service]),
                    joined=partial(self._joined, service),
                )
            )
        self._spawn(self._say())

    async def stop(self) -> None:
        """Say good-bye, take nothing more, finish what was begun, and hand it in."""
        with contextlib.suppress(PavaneError, TimeoutError):
            async with asyncio.timeout(_GOOD_BYE_S):
                await self._bus.publish([self._here(each, leaving=True) for each in self._services])
        for task in list(self._waiting):
            self._waiting.pop(task)  # not begun: it comes again elsewhere
        await self._workers.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.failed.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._running.add(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nothing that a new try would mend: whoever runs us must know."""
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_exception(error)

    def _joined(self, service: str, subscription: Subscription) -> None:
        self._subscriptions[service] = subscription

    # --- what comes -----------------------------------------------------------------------------

    async def _come(self, deliveries: Sequence[Delivery], subscription: Subscription) -> None:
        for each in deliveries:
            done = await self._take(each, subscription)
            if done:
                await until_done(lambda: subscription.done([each]))  # noqa: B023  # called at once

    async def _take(self, delivery: Delivery, subscription: Subscription) -> bool:
        """Put a task in hand. True: there is nothing to do for it any more."""
        try:
            if delivery.fault:
                raise msgspec.DecodeError(delivery.fault)
            work = messages.read_work(delivery.event.data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            _LOG.warning(
                "a message on %s is no task, and is passed over: %s", delivery.topic, error
            )
            return True
        given = assignment_of(work, self._name)
        held = Held(given.execution_id, given.ref, given.attempt)
        if held in self._over:
            said = self._over[held]
            if said is not None:
                self._outbox.put(said)  # perhaps it was lost: say it again
            return True
        if given.task not in self._workers.names:
            await until_done(lambda: subscription.back(delivery, _ELSEWHERE_MS))
            return False
        if not self._hands.take(held, delivery, subscription):
            return False  # a copy of what is in hand
        if held in self._unwanted:
            self._spawn_report(given, "CANCELED")
            return False
        self._waiting.setdefault(given.task, deque()).append(given)
        self._workers.wake(given.task)
        return False

    def _spawn_report(self, given: Assignment, status: Any) -> None:
        outcome = Outcome(given.execution_id, given.ref, given.attempt, status)
        self._spawn(self._reported(outcome))

    async def _reported(self, outcome: Outcome) -> None:
        await self.report(outcome)

    async def _hear(self, deliveries: Sequence[Delivery], subscription: Subscription) -> None:
        for each in deliveries:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
                self._obey(each.event)
        await until_done(lambda: subscription.done(deliveries))

    def _obey(self, event: CloudEvent) -> None:
        if event.type == messages.STOP:
            unwanted = msgspec.json.decode(event.data, type=Attempted)
            held = Held(unwanted.execution_id, unwanted.ref, unwanted.attempt)
            _remember(self._unwanted, held, None)
            waiting = next((e for q in self._waiting.values() for e in q if _is(e, held)), None)
            if waiting is not None:
                self._waiting[waiting.task].remove(waiting)
                self._spawn_report(waiting, "CANCELED")
            self._workers.interrupt(*held)
        elif event.type == messages.ANSWER:
            self.offering.answered(msgspec.json.decode(event.data, type=Answer))

    # --- what is said ---------------------------------------------------------------------------

    async def _say(self) -> None:
        """That this process lives, what it holds and for how much it has room; for ever."""
        while True:
            for service in self._services:
                self._outbox.put(self._here(service))
            await asyncio.sleep(SAY_S)

    def _here(self, service: str, *, leaving: bool = False) -> Outgoing:
        subscription = self._subscriptions.get(service)
        idle = isinstance(subscription, StandingBy) and not subscription.active
        rooms = [] if idle else self._workers.rooms(service)
        said = Here(
            self._name,
            service,
            [Room(tasks, places) for tasks, places in rooms],
            places=max((places for _, places in rooms), default=0),
            holds=[Attempted(*held) for held in self._hands.of(task_topic(service))],
            for_ms=int(_FOR_S * 1000),
            leaving=leaving,
        )
        return self._message(messages.HERE, said, service)

    def _message(self, type: str, data: object, service: str) -> Outgoing:
        """All that is said of a service goes to one node, whoever says it."""
        self._said += 1
        id, now = f"{self._name}/{self._said}", self._clock.now()
        return Outgoing(REPORTS, service, messages.event(type, id, data, now))

    # --- the source of work, for the workers ----------------------------------------------------

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """What has come and waits."""
        del worker
        found: list[Assignment] = []
        for task in tasks:
            waiting = self._waiting.get(task)
            while waiting and len(found) < limit:
                found.append(waiting.popleft())
        return found

    async def report(self, outcome: Outcome) -> bool:
        """Hand in an outcome; returns when the bus has it, and the task is done there."""
        held = Held(outcome.execution_id, outcome.ref, outcome.attempt)
        service = self._hands.service(held) or self._services[0]
        self._probe.at(points.REPORTING)
        said = self._message(messages.REPORT, report_of(outcome), service)
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox.put(said, partial(_set, sent))
        await sent
        self._probe.at(points.REPORTED)
        if outcome.status != "IN_PROGRESS":  # that one comes again, to be done
            _remember(self._over, held, said)
        for delivery, subscription in self._hands.let_go(held):
            await until_done(lambda: subscription.done([delivery]))  # noqa: B023  # called at once
        return True

    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
    ) -> bool:
        """A sign of life from inside a task. False: it is not wanted any more."""
        held = Held(execution_id, ref, attempt)
        beat = Beat(*held, msgspec.Raw(progress or b"null"))
        service = self._hands.service(held) or self._services[0]
        self._outbox.put(self._message(messages.BEAT, beat, service))
        return held not in self._unwanted


def _set(sent: asyncio.Future[None]) -> None:
    if not sent.done():
        sent.set_result(None)


def _is(given: Assignment, held: Held) -> bool:
    return (given.execution_id, given.ref, given.attempt) == held


def _remember(among: OrderedDict[Held, Any], held: Held, what: object) -> None:
    among[held] = what
    among.move_to_end(held)
    if len(among) > _REMEMBERED:
        among.popitem(last=False)
