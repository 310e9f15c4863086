"""From items to entries: what a batch brings about, execution by execution, nothing written yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.core.model.journal import Note
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.dancing.turn import Reaction, RowMissingError
from pavane.core.projection.local import (
    Arm,
    Attempted,
    Await,
    Command,
    Disarm,
    Forget,
    Interrupt,
    Over,
    Publish,
    Run,
)
from pavane.core.projection.rows import Key, Row
from pavane.core.projection.wire import Envelope, to_event
from pavane.participant.emitting import published
from pavane.participant.notes import notes_event
from pavane.participant.roles import todos
from pavane.participant.roles.item import Item
from pavane.participant.roles.known_rows import KnownRows, body_of, place_of
from pavane.ports.bus import role_topic
from pavane.ports.ledger import Entry, RowKey, Todo

_LOG = logging.getLogger("pavane.participant")

DancerMaker = Callable[..., Dancer]


class _Layered:
    """Rows as the turns of this batch leave them, over those that are known."""

    __slots__ = ("known", "written")

    def __init__(self, known: KnownRows) -> None:
        self.known = known
        self.written: dict[Key, Row] = {}

    def get(self, key: Key) -> Row | None:
        found = self.written.get(key)
        return found if found is not None else self.known.get(key)

    def of_scope(self, scope: str, generation: tuple[int, ...]) -> Iterable[tuple[Key, Row]]:
        found = dict(self.known.of_scope(scope, generation))
        for key, row in self.written.items():
            if key.scope == scope and key.generation == generation:
                found[key] = row
        return found.items()


class Work:
    """All that one batch does to one execution."""

    def __init__(self, choreography: Choreography, execution: str, known: KnownRows) -> None:
        self.choreography = choreography
        self.execution = execution
        self.known = known
        self.items: list[Item] = []
        self.failed: list[tuple[Item, Exception]] = []
        self.runs: list[tuple[Run, str]] = []
        self.interrupts: list[Interrupt] = []
        self.awaits: list[Await] = []
        self.forgotten: list[Forget] = []
        self.next_due = 0
        self.entry = Entry()
        self._rows = _Layered(known)
        self._todos: dict[str, Todo | None] = {}
        self._records: list[Outgoing] = []
        self._notes: list[Note] = []
        self._closed: bool | None = None  # what is late leaves it as it is
        self._next = 0

    def fold(self, dancer: DancerMaker, role: str, now: int) -> RowKey | None:
        """Take the items in, one after the other; the row that has to be loaded first, if any."""
        while self._next < len(self.items):
            item = self.items[self._next]
            if item.event is None:
                self._next += 1
                continue
            try:
                turn = dancer(self.choreography, role, self._rows, now, self.execution)
                reaction = turn.take(item.event)
            except RowMissingError as missing:
                return place_of(missing.key)
            except Exception as error:  # noqa: BLE001  # one message that cannot be handled drops out alone
                _LOG.exception("%s: %s cannot be taken in", self.execution, item.event)
                self.failed.append((item, error))
                del self.items[self._next]
                continue
            self._next += 1
            self._rows.written.update(reaction.rows)
            item.counts = bool(reaction.rows) or not isinstance(item.event, Attempted)
            self._note(item, reaction, role, now)
        return None

    def _note(self, item: Item, reaction: Reaction, role: str, now: int) -> None:
        for name in item.done:
            self._todos[name] = None
        if isinstance(event := item.event, Attempted):  # also one that was begun in this work
            name = todos.run_name(event.node, event.at, event.undo, event.attempt)
            self._todos[name] = None
        for command in reaction.commands:
            if isinstance(command, Publish):
                out = published(command, role, self.execution, item.causation, now)
                self._records.append(out)
            else:
                self._do(command, item.causation)
        for message in reaction.sent:
            envelope = Envelope(
                self.execution, self.choreography.name, self.choreography.hash, message
            )
            event = to_event(envelope, causation=item.causation, time=now)
            self._records.append(Outgoing(role_topic(message.to), self.execution, event))
        self._notes += reaction.notes
        self._notes += item.notes

    def _do(self, command: Command, causation: str) -> None:
        definition = self.choreography.hash
        if isinstance(command, Run):
            todo = todos.of_run(self.execution, definition, command, causation)
            self._todos[todo.name] = todo
            self.runs.append((command, causation))
        elif isinstance(command, Arm):
            todo = todos.of_timer(self.execution, definition, command)
            self._todos[todo.name] = todo
        elif isinstance(command, Disarm):
            self._todos[todos.timer_name(command)] = None
        elif isinstance(command, Interrupt):
            self.interrupts.append(command)
        elif isinstance(command, Await):
            todo = todos.of_wait(self.execution, definition, command)
            self._todos[todo.name] = todo
            self.awaits.append(command)
        elif isinstance(command, Forget):
            self._todos[todos.wait_name(command)] = None
            self.forgotten.append(command)
        elif isinstance(command, Over):
            self._closed = not command.again

    def may_wait(self) -> bool:
        """Whether nothing is lost if the process dies before this is written.

        All that it does is to begin attempts at steps without effect: the messages come again, and
        so do the attempts. Then one commit will do for the beginning and the end of a step.
        """
        if not self.runs or self._records or self.interrupts or self._closed or self.failed:
            return False
        if self.awaits or self.forgotten:
            return False
        if any(item.answer is not None or item.taken or item.done for item in self.items):
            return False
        timers = [name for name in self._todos if name.startswith("timer ")]
        nodes = self.choreography.nodes
        return all(name.startswith("timer deadline ") for name in timers) and all(
            nodes[run.node].harmless and not run.undo for run, _ in self.runs
        )

    def finish(self, role: str, now: int) -> Entry:
        """The entry of all that was folded."""
        ended = {
            todos.run_name(item.event.node, item.event.at, item.event.undo, item.event.attempt)
            for item in self.items
            if isinstance(item.event, Attempted)
        }
        for name in ended:
            self._todos.setdefault(name, None)
        self.runs = [each for each in self.runs if _name(each[0]) not in ended]
        kept = [todo for todo in self._todos.values() if todo is not None]
        notes = [notes_event(role, self._notes, now)] if self._notes else []
        rows = {place_of(key): body_of(row) for key, row in self._rows.written.items()}
        self.next_due = min((todo.due for todo in kept if not todo.queue), default=0)
        self.entry = Entry(
            execution=self.execution,
            revision=max(self.known.revision, 0),
            rows=rows,
            done=list(self._todos),
            todos=kept,
            records=[*self._records, *notes],
            taken=list(dict.fromkeys(id for item in self.items for id in item.taken)),
            closed=self._closed,
            at=now,
        )
        return self.entry

    def committed(self) -> None:
        """The entry is durable: what it wrote is known."""
        self.known.write(self._rows.written)
        self.known.committed()


def _name(run: Run) -> str:
    return todos.run_name(run.node, run.at, run.undo, run.attempt)


def changes_nothing(entry: Entry) -> bool:
    """Whether an entry need not be written: a message that came again, a timer of long ago."""
    return not (
        entry.rows or entry.todos or entry.records or entry.done or entry.taken or entry.aside
    )


def event_of(item: Item) -> CloudEvent | None:
    """The event that an item came with."""
    return item.delivery.event if item.delivery is not None else None
