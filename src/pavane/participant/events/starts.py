"""Workflows that an event starts: the home of each hears of it, and opens it once for each key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any

from pavane.core.decide.event_starts import start_of
from pavane.core.model.event import CloudEvent, topic_of_type
from pavane.core.model.journal import EventNote
from pavane.core.projection import message as m
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.message import Message, execution_of
from pavane.errors import InputError
from pavane.participant.emitting import CAUSATION, correlation_of
from pavane.participant.roles.item import Item
from pavane.participant.set_aside import SetAside
from pavane.ports.bus import Delivery
from pavane.ports.clock import Clock
from pavane.ports.ledger import Todo


class Starts:
    """An ear for the events that start workflows at home here; the newest version is started."""

    def __init__(
        self,
        role: str,
        known: Callable[[], Iterable[Choreography]],
        submit: Callable[[Item], None],
        aside: SetAside,
        clock: Clock,
    ) -> None:
        self._role = role
        self._known = known
        self._submit = submit
        self._aside = aside
        self._clock = clock

    @property
    def topics(self) -> Collection[str]:
        """Where the events come from that start something here."""
        return {topic_of_type(type) for type, _ in self._started()}

    @property
    def types(self) -> Collection[str]:
        """The types of events that start something here."""
        return {type for type, _ in self._started()}

    def listening(self) -> dict[str, list[str]]:
        """What is started, by the types of events that start it."""
        found: dict[str, list[str]] = {}
        for type, each in self._started():
            found.setdefault(type, []).append(f"starts {each.name}")
        return found

    def _started(self) -> list[tuple[str, Choreography]]:
        newest: dict[str, Choreography] = {}
        for each in self._known():
            other = newest.get(each.name)
            if each.root.home == self._role and (other is None or other.version <= each.version):
                newest[each.name] = each
        return [
            (started.event, each)
            for each in newest.values()
            if (workflow := each.root.workflow) is not None
            and (started := workflow.started_by) is not None
        ]

    async def hear(self, delivery: Delivery) -> bool:
        """Start what the event starts; over when that is durable. False where it cannot."""
        event = delivery.event
        begun = [each for type, each in self._started() if type == event.type]
        return all(await asyncio.gather(*(self._start(each, event) for each in begun)))

    async def _start(self, choreography: Choreography, event: CloudEvent) -> bool:
        workflow = choreography.root.workflow
        assert workflow is not None
        try:
            body, key = start_of(workflow, event)
        except InputError as error:
            await self._aside.put(event, "quarantined", str(error))
            return False
        execution = execution_of(choreography.name, key)
        correlation = correlation_of(event)
        start = Message(
            m.START,
            self._role,
            "",
            values=(("input", (), body),),
            source=key,
            reason=correlation,
        )
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        note = EventNote(
            correlation=correlation,
            message=event.id,
            type=event.type,
            handler=choreography.name,
            service=self._role,
            status="done",
            causation=event.attributes.get(CAUSATION, ""),
            reason=f"started {execution}",
            emitted=[(execution, choreography.name)],
            time=self._clock.now(),
        )
        item = Item(
            execution,
            choreography.hash,
            start,
            causation=event.id,
            answer=answer,
            notes=(note,),
        )
        self._submit(item)
        begun = bool(await answer)
        if not begun:
            await self._aside.put(event, "dead", f"{choreography.name} could not be started by it")
        return begun

    def owns(self, todo: Todo) -> bool:
        """No timer is for here."""
        del todo
        return False

    async def fire(self, todo: Todo) -> None:
        """Never called."""
