"""One commit's entries, kind by kind: in rounds that come to the same as entry by entry."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import astuple

from pavane.adapters.ledger_rows import aside_values, record_values
from pavane.ports.ledger import Entry

GOES_ON = -1  # in place of the time of closing

Values = list[tuple[object, ...]]


class Round:
    """What goes into one round of statements: kind by kind it must be as entry by entry."""

    def __init__(self) -> None:
        self.executions: set[str] = set()
        self.messages: Values = []
        self.new: Values = []
        self.moved: Values = []
        self.dropped_rows: Values = []
        self.rows: dict[tuple[str, str, str], bytes] = {}
        self.done: Values = []
        self.todos: dict[tuple[str, str], tuple[object, ...]] = {}
        self.taken: Values = []
        self.aside: dict[str, tuple[object, ...]] = {}
        self.log: Values = []

    def takes(self, entry: Entry) -> bool:
        """Whether an entry may come in, or must see first what is in here already."""
        execution = entry.execution
        if execution:
            if execution in self.executions:
                return False
        elif any(("", *key) in self.rows for key, body in entry.rows.items() if not body):
            return False
        if self.todos and any((execution, name) in self.todos for name in entry.done):
            return False
        return not (self.aside and any(id in self.aside for id in entry.taken))

    def add(self, entry: Entry) -> None:
        """Take an entry in."""
        execution = entry.execution
        for message in entry.messages:
            self.messages.append((message, entry.at))
        if execution:
            self.executions.add(execution)
            closed_at = entry.at if entry.closed else None
            if entry.revision:
                moved = GOES_ON if entry.closed is False else closed_at
                self.moved.append((execution, moved, entry.revision))
            else:
                self.new.append((execution, closed_at))
        for (group, name), body in entry.rows.items():
            if body:
                self.rows[execution, group, name] = body
            else:
                self.dropped_rows.append((execution, group, name))
        for name in entry.done:
            self.done.append((execution, name))
        for todo in entry.todos:
            self.todos[todo.execution, todo.name] = astuple(todo)
        for id in entry.taken:
            self.taken.append((id,))
        for aside in entry.aside:
            self.aside[aside.id] = aside_values(aside)
        for out in entry.records:
            self.log.append(record_values(out, entry.at))


def rounds_of(entries: Sequence[Entry]) -> list[Round]:
    """The entries in order, as few rounds as they need."""
    rounds = [Round()]
    for entry in entries:
        if not rounds[-1].takes(entry):
            rounds.append(Round())
        rounds[-1].add(entry)
    return rounds


def losers(
    entries: Sequence[Entry], revisions: dict[str, int], inbox: set[str], there: set[str]
) -> set[int]:
    """The indexes of the entries that lose; `there` are the ids of what is set aside.

    What is given is as the rows stand, of what the entries speak of. It is changed on the way.
    """
    lost: set[int] = set()
    for index, entry in enumerate(entries):
        taken, messages = set(entry.taken), set(entry.messages)
        if (
            (entry.execution and entry.revision != revisions.get(entry.execution, 0))
            or not messages.isdisjoint(inbox)
            or len(messages) != len(entry.messages)
            or len(taken) != len(entry.taken)
            or not taken <= there
        ):
            lost.add(index)
            continue
        revisions[entry.execution] = entry.revision + 1
        inbox |= messages
        there -= taken
        there.update(aside.id for aside in entry.aside)
    return lost
