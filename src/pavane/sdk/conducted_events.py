"""Events for a conductor, who has no bus: they start its workflows and end its steps' waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from pavane.core.decide.draft import encode
from pavane.core.decide.event_starts import start_of
from pavane.core.decide.event_waits import heard_in, output_of, passes
from pavane.core.model.event import CloudEvent, topic_of_type
from pavane.core.model.rows import Ready
from pavane.core.model.workflow import Workflow
from pavane.engine.engine import Engine
from pavane.errors import (
    ConflictError,
    InputError,
    LimitReachedError,
    NotFoundError,
    PavaneError,
    StoreError,
)
from pavane.participant.emitting import correlation_of
from pavane.participant.events.meetings import Meetings
from pavane.participant.handlers.commits import Commits
from pavane.participant.hearing import Hearing
from pavane.participant.points import NoProbe
from pavane.participant.relay import Relay
from pavane.participant.set_aside import SetAside
from pavane.participant.settling import Settle, read_settle
from pavane.participant.standing import Standing
from pavane.participant.timers import Timers
from pavane.ports.bus import Bus, Delivery, Subscription, role_topic
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, Entry, Ledger, Todo

_LOG = logging.getLogger("pavane.conductor")

GROUP: Final = "_pavane.conductor"
_BATCH = 200
_MANY = 1_000_000
_PAUSE_S = 1.0  # after trouble
_FAR_MS = 1 << 52


class ConductedEvents:
    """Listens for an engine. `ledger` keeps events that come before the step that waits for them.

    What was told is signalled, or started, again after a crash; the engine takes it once.
    """

    def __init__(
        self,
        engine: Engine,
        bus: Bus,
        ledger: Ledger,
        clock: Clock,
        workflows: Sequence[Workflow],
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._ledger = ledger
        self._clock = clock
        self._commits = Commits(ledger)
        self._timers = Timers(ledger, clock, self._ring)
        heard = heard_in(workflows)
        meetings = Meetings(ledger, clock, self._write, lambda: heard)
        self._waits = _Waits(engine, clock, meetings, workflows)
        self._hearing = Hearing(self._timers.rung)
        self._relay = Relay(ledger, bus, NoProbe(), GROUP)
        self._aside = SetAside(GROUP, ledger, clock)
        self._standing = Standing(GROUP, ledger, self._aside, clock, self._relay.wake)
        self._starts = _Starts(engine, workflows, self._aside, self._relay.wake)
        self._hearing.add(self._starts)
        self._hearing.add(self._waits)
        self._subscription: Subscription | None = None
        self._running: list[asyncio.Task[None]] = []
        self._going: set[asyncio.Task[None]] = set()
        self._open = False
        engine.tell_of_event_waits(self._look)

    async def start(self) -> None:
        """Bring together what a dead process has left, then listen."""
        self._open = True
        for todo in await self._ledger.due(_FAR_MS, _MANY):
            if self._waits.owns(todo):
                await self._waits.look(todo.execution)
        await self._standing.tell(self._hearing.listening())
        loops: list[Coroutine[Any, Any, None]] = [self._timers.run(), self._relay.run()]
        topics = [role_topic(GROUP), *self._hearing.topics]
        self._subscription = await self._bus.subscribe(GROUP, topics)
        loops.append(self._receive(self._subscription))
        self._running = [asyncio.ensure_future(loop) for loop in loops]

    async def stop(self) -> None:
        """Take nothing more; what is not over comes again."""
        self._open = False
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._hearing.stop()
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()

    async def _receive(self, subscription: Subscription) -> None:
        while True:
            try:
                deliveries = await subscription.take(_BATCH)
            except PavaneError as error:
                _LOG.warning("the bus has trouble: %s", error)
                await asyncio.sleep(_PAUSE_S)
                continue
            if not deliveries:
                return
            for delivery in deliveries:
                if delivery.fault:
                    self._follow(self._put_aside(delivery, subscription))
                elif delivery.topic == role_topic(GROUP):
                    self._follow(self._settle(delivery, subscription))
                else:
                    self._hearing.take(delivery, subscription)

    async def _put_aside(self, delivery: Delivery, subscription: Subscription) -> None:
        """It is no event: its bytes are kept, with the reason."""
        await self._aside.put(delivery.event, "quarantined", delivery.fault)
        self._relay.wake()
        with suppress(PavaneError):  # it comes again, and is set aside as the same
            await subscription.done([delivery])

    async def _settle(self, delivery: Delivery, subscription: Subscription) -> None:
        """A person decides about an event that was set aside."""
        if (settle := read_settle(delivery.event)) is not None:
            while not await self._is_settled(settle):  # noqa: ASYNC110  # a ledger tells nobody
                await asyncio.sleep(_PAUSE_S)
        with suppress(PavaneError):  # it comes again, and has no effect then
            await subscription.done([delivery])

    async def _is_settled(self, settle: Settle) -> bool:
        """Settle it; False where ledger or store have trouble."""
        try:
            aside = await self._aside.find(settle.id)
            if aside.at == settle.since:
                await self._settle_aside(aside, settle)
        except NotFoundError:
            return True  # it is settled already
        except StoreError as error:
            _LOG.warning("%s cannot be settled yet: %s", settle.id, error)
            return False
        except PavaneError as error:
            _LOG.warning("%s cannot be settled: %s", settle.id, error)
        return True

    async def _settle_aside(self, aside: Aside, settle: Settle) -> None:
        if settle.action == "discard":
            await self._aside.drop(aside, settle.reason)
        elif await self._starts.hear(Delivery("", aside.event)):
            told = self._aside.record_left(aside, "redriven", settle.reason)
            await self._write(Entry(taken=[aside.id], records=[told]))
        self._relay.wake()

    async def _write(self, entry: Entry) -> bool:
        won = await self._commits.commit(entry)
        for todo in entry.todos if won else ():
            self._timers.notice(todo.due)
        return won

    def _ring(self, todo: Todo) -> None:
        self._hearing.ring(todo)

    def _look(self, queue: str) -> None:
        if self._open:  # else it looks through all when it starts
            self._follow(self._waits.look(queue))

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)


class _Starts:
    """An ear for events that start workflows."""

    def __init__(
        self,
        engine: Engine,
        workflows: Sequence[Workflow],
        aside: SetAside,
        told: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._aside = aside
        self._told = told
        self._started: dict[str, list[Workflow]] = {}
        for workflow in workflows:
            if workflow.started_by is not None:
                self._started.setdefault(workflow.started_by.event, []).append(workflow)

    @property
    def topics(self) -> Collection[str]:
        return {topic_of_type(type) for type in self._started}

    def listening(self) -> dict[str, list[str]]:
        found = self._started.items()
        return {type: [f"starts {each.name}" for each in those] for type, those in found}

    async def hear(self, delivery: Delivery) -> bool:
        """Start what it starts; False where it cannot, and is set aside."""
        event, begun = delivery.event, True
        for workflow in self._started.get(event.type, ()):
            try:
                body, key = start_of(workflow, event)
                await self._engine.start_execution(
                    workflow.name, body, key=key, correlation_id=correlation_of(event)
                )
            except (InputError, LimitReachedError) as error:
                await self._aside.put(event, "quarantined", str(error))
                self._told()
                begun = False
        return begun

    def owns(self, todo: Todo) -> bool:
        del todo
        return False

    async def fire(self, todo: Todo) -> None:
        """Never called."""


class _Waits:
    """An ear for events that steps wait for; the store's queues say which do."""

    def __init__(
        self, engine: Engine, clock: Clock, meetings: Meetings, workflows: Sequence[Workflow]
    ) -> None:
        self._workflows = workflows
        self._engine = engine
        self._clock = clock
        self._meetings = meetings

    @property
    def topics(self) -> Collection[str]:
        return {topic_of_type(type) for type in self._meetings.types}

    def listening(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for workflow in self._workflows:
            for type in heard_in([workflow]):
                found.setdefault(type, []).append(f"a step of {workflow.name}")
        return found

    async def hear(self, delivery: Delivery) -> None:
        for met in await self._meetings.keep(delivery.event):
            await self._offer(met.queue, [delivery.event])

    async def look(self, queue: str) -> None:
        """A step waits in the queue: something for it may have come before."""
        while True:
            try:
                return await self._offer(queue, await self._meetings.early(queue))
            except PavaneError as error:
                _LOG.warning("%s cannot be looked through yet: %s", queue, error)
                await asyncio.sleep(_PAUSE_S)

    async def _offer(self, queue: str, events: Sequence[CloudEvent]) -> None:
        if not events:
            return
        for ready in await self._engine.store.ready(queue, self._clock.now(), _MANY):
            for event in events:
                if await self._signal(ready, event):
                    break

    async def _signal(self, ready: Ready, event: CloudEvent) -> bool:
        """Whether the step waits no longer: for this event, or for none at all."""
        wanted = {ready.execution_id: {("task", ready.ref)}}
        loaded = await self._engine.store.load(wanted)
        row = loaded[ready.execution_id].tasks[ready.ref]
        data: Any = msgspec.json.decode(event.data or b"null")
        if row is None or not passes(msgspec.json.decode(row.input or b"{}"), data):
            return False
        with suppress(ConflictError, NotFoundError):  # it is over, or going back
            await self._engine.signal(ready.execution_id, ready.ref, encode(output_of(data)))
        return True

    def owns(self, todo: Todo) -> bool:
        return self._meetings.owns(todo)

    async def fire(self, todo: Todo) -> None:
        await self._meetings.fire(todo)
