"""What a participant has to do with events that are no message between roles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pavane.core.model.event import Outgoing
from pavane.core.projection.choreography import Choreography
from pavane.participant.events.event_waits import EventWaits, Waiting
from pavane.participant.events.starts import Starts
from pavane.participant.handlers.commits import Commits
from pavane.participant.handlers.reactions import Reactions
from pavane.participant.hearing import Hearing
from pavane.participant.roles import todos
from pavane.participant.roles.item import Item
from pavane.participant.roles.turns import Work
from pavane.participant.set_aside import SetAside
from pavane.ports.bus import Delivery, Subscription
from pavane.ports.clock import Clock
from pavane.ports.ledger import Aside, Entry, Ledger, Todo


class Outside(Hearing):
    """Hears for the handlers of a service, for its steps that wait, and for what events start.

    Steps of all that is `known` may wait; what is `current` may be started. `submit` puts something
    before the roles, `noticed` is told of each entry that was written here, `rung` of each timer
    that was dealt with.
    """

    def __init__(
        self,
        role: str,
        ledger: Ledger,
        clock: Clock,
        *,
        known: Callable[[], Iterable[Choreography]],
        current: Callable[[], Iterable[Choreography]],
        submit: Callable[[Item], None],
        noticed: Callable[[Entry], None],
        rung: Callable[[str, str], None],
        reactions: Reactions | None,
    ) -> None:
        super().__init__(rung)
        self._commits = Commits(ledger)
        self._noticed = noticed
        self._waits = EventWaits(role, known, submit, ledger, clock, self._write)
        if reactions is not None:
            reactions.on_commit(noticed)
            self.add(reactions)
        self._aside = SetAside(role, ledger, clock)
        self._reactions = reactions
        self._starts = Starts(role, current, submit, self._aside, clock)
        self.add(self._starts)
        self.add(self._waits)

    def take(self, delivery: Delivery, subscription: Subscription) -> None:
        """Let everybody hear it; what is no event is set aside with its bytes."""
        if delivery.fault:
            aside = asyncio.ensure_future(self._put_aside(delivery))
            self._finish(delivery, subscription, aside)
        else:
            super().take(delivery, subscription)

    async def _put_aside(self, delivery: Delivery) -> None:
        await self._aside.put(delivery.event, "quarantined", delivery.fault)
        self._noticed(Entry())

    async def _write(self, entry: Entry) -> bool:
        won = await self._commits.commit(entry)
        if won:
            self._noticed(entry)
        return won

    async def take_up(self, todo: Todo, work: todos.Work) -> None:
        """A step of a past life may wait for an event."""
        if work.what == "event":
            waiting = Waiting(todo.execution, work.definition, work.node, work.at)
            await self._waits.take_up(todo.queue, waiting)

    def act(self, work: Work) -> None:
        """What was decided is durable: some steps wait for events now, some no longer."""
        definition = work.choreography.hash
        for command in work.awaits:
            waiting = Waiting(work.execution, definition, command.node, command.at)
            self._waits.begin(command.queue, waiting)
        for command in work.forgotten:
            waiting = Waiting(work.execution, definition, command.node, command.at)
            self._waits.end(command.queue, waiting)

    async def redrive(self, aside: Aside, reason: str) -> bool:
        """Let a handler have it again, or let it start what it could not; False: it is no event."""
        if self._reactions is not None and self._reactions.has(aside):
            await self._reactions.take_back(aside, reason)
            return True
        if aside.execution or aside.event.type not in self._starts.types:
            return False
        if await self._starts.hear(Delivery("", aside.event)):
            told = self._aside.record_left(aside, "redriven", reason)
            await self._write(Entry(taken=[aside.id], records=[told]))
        return True

    async def discard(self, aside: Aside, reason: str) -> bool:
        """Give up what a handler has set aside; False: that is not what it is."""
        if self._reactions is None or not self._reactions.has(aside):
            return False
        await self._reactions.give_up(aside, reason)
        return True

    async def told(self) -> list[Outgoing]:
        """What handlers have set aside, as records of the journal."""
        return await self._reactions.all_told() if self._reactions is not None else []

    async def leave(self) -> None:
        """Leave what steps have begun: it is taken up again."""
        await self._waits.stop()
