"""Steps of a role that wait for events: an event brings each of them on, early or late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from pavane.core.decide.event_waits import Heard, early_ms, waits_for_event
from pavane.core.model.event import CloudEvent, topic_of_type
from pavane.core.model.workflow import Step
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.local import Happened
from pavane.core.projection.message import At
from pavane.errors import PavaneError
from pavane.participant.events.meetings import Commit, Meetings
from pavane.participant.roles.item import Item
from pavane.ports.bus import Delivery
from pavane.ports.clock import Clock
from pavane.ports.ledger import Ledger, Todo

_LOG = logging.getLogger("pavane.participant")

_PAUSE_S = 1.0  # after trouble with the ledger

T = TypeVar("T")


class Waiting(msgspec.Struct, frozen=True):
    """A step that waits."""

    execution: str
    definition: str
    node: str
    at: At

    @property
    def name(self) -> str:
        """What it is called in its queue."""
        return f"{self.execution} {self.node} {self.at}"


class EventWaits:
    """An ear for the events that steps of this role may wait for."""

    def __init__(
        self,
        role: str,
        known: Callable[[], Iterable[Choreography]],
        submit: Callable[[Item], None],
        ledger: Ledger,
        clock: Clock,
        commit: Commit,
    ) -> None:
        self._role = role
        self._known = known
        self._submit = submit
        self._meetings = Meetings(ledger, clock, commit, self._heard)
        self._going: set[asyncio.Task[None]] = set()
        self._found: tuple[int, Heard] = (0, {})

    def _heard(self) -> Heard:
        known = list(self._known())  # some are learned, none is forgotten
        if len(known) != self._found[0]:
            self._found = (len(known), self._read(known))
        return self._found[1]

    def _read(self, known: Iterable[Choreography]) -> Heard:
        found: Heard = {}
        for _, step in self._waiting(known):
            given = step.input_parameters
            fields = found.setdefault(str(given["event"]), {})
            names = tuple(sorted(given["match"]))
            fields[names] = max(fields.get(names, 0), early_ms(step))
        return found

    def _waiting(self, known: Iterable[Choreography]) -> Iterator[tuple[Choreography, Step]]:
        for choreography in known:
            for node in choreography.nodes.values():
                mine = node.role == self._role and node.plan is not None
                if mine and node.plan is not None and waits_for_event(node.plan.step):
                    yield choreography, node.plan.step

    # --- events ---------------------------------------------------------------------------------

    @property
    def topics(self) -> Collection[str]:
        """Where the events come from."""
        return {topic_of_type(type) for type in self._meetings.types}

    def listening(self) -> dict[str, list[str]]:
        """Where a step may wait for events, by their type."""
        found: dict[str, list[str]] = {}
        for choreography, step in self._waiting(self._known()):
            type = str(step.input_parameters["event"])
            found.setdefault(type, []).append(f"step {step.ref} of {choreography.name}")
        return found

    async def hear(self, delivery: Delivery) -> None:
        """Bring on what waits for it; over when all of that is durable."""
        answers: list[asyncio.Future[Any]] = []
        known = {each.hash for each in self._known()}
        for met in await self._meetings.keep(delivery.event):
            for body in met.waits:
                waiting = msgspec.msgpack.decode(body, type=Waiting)
                answer = self._happened(met.queue, waiting, delivery.event)
                if waiting.definition in known:  # else it goes on when its definition is there
                    answers.append(answer)
        await asyncio.gather(*answers)

    def _happened(self, queue: str, waiting: Waiting, event: CloudEvent) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        happened = Happened(waiting.node, waiting.at, queue, event.data)
        self._submit(
            Item(
                waiting.execution,
                waiting.definition,
                happened,
                causation=event.id,
                answer=answer,
            )
        )
        return answer

    # --- steps ----------------------------------------------------------------------------------

    def begin(self, queue: str, waiting: Waiting) -> None:
        """A step waits: for what comes, and for what has come."""
        self._follow(self.take_up(queue, waiting))

    async def take_up(self, queue: str, waiting: Waiting) -> None:
        """As `begin`; over when it is in its queue."""
        body = msgspec.msgpack.encode(waiting)
        for event in await self._steadily(lambda: self._meetings.begin(queue, waiting.name, body)):
            self._happened(queue, waiting, event)

    def end(self, queue: str, waiting: Waiting) -> None:
        """A step waits no longer."""
        self._follow(self._steadily(lambda: self._meetings.end(queue, waiting.name)))

    async def _steadily(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except PavaneError as error:
                _LOG.warning("the ledger has trouble: %s", error)
                await asyncio.sleep(_PAUSE_S)

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def stop(self) -> None:
        """Leave what is going on: it is begun again from the ledger's todos."""
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    # --- time -----------------------------------------------------------------------------------

    def owns(self, todo: Todo) -> bool:
        """Whether a timer of the ledger is for here."""
        return self._meetings.owns(todo)

    async def fire(self, todo: Todo) -> None:
        """Forget the events whose time is over."""
        await self._meetings.fire(todo)
