"""One commit's entries, statement by statement: gathered, judged, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
from msgspec.structs import astuple

from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.counters import FileCounters
from pavane.ports.ledger import Entry

_GOES_ON = -1  # in place of the time of closing

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
        if entry.message:
            self.messages.append((entry.message, entry.at))
        if execution:
            self.executions.add(execution)
            closed_at = entry.at if entry.closed else None
            if entry.revision:
                moved = _GOES_ON if entry.closed is False else closed_at
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
            self.aside[aside.id] = q.aside_values(aside)
        for out in entry.records:
            self.log.append(q.record_values(out, entry.at))


class LedgerWriter:
    """Writes entries inside a transaction that the ledger has begun, on its one connection."""

    def __init__(self, connection: Connection, counters: FileCounters) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._counters = counters

    def write(self, entries: Sequence[Entry]) -> bool:
        """Write all, or return False when some entry loses; the caller then rolls back."""
        try:
            return all(self._write(each) for each in _rounds(entries))
        except apsw.ConstraintError:
            return False

    def judge(self, entries: Sequence[Entry]) -> set[int]:
        """The indexes of the entries that lose, as the rows stand now; nothing is written."""
        executions = {(entry.execution,) for entry in entries if entry.execution}
        revisions = {row[0]: row[1] for row in self._many(q.LOAD_REVISION, executions)}
        messages = {(entry.message,) for entry in entries if entry.message}
        inbox = {row[0] for row in self._many(q.SEEN, messages)}
        wanted = {(id,) for entry in entries for id in entry.taken}
        there = {row[0] for row in self._many(q.FIND_ASIDE, wanted)}
        lost: set[int] = set()
        for index, entry in enumerate(entries):
            taken = set(entry.taken)
            if (
                (entry.execution and entry.revision != revisions.get(entry.execution, 0))
                or (entry.message and entry.message in inbox)
                or len(taken) != len(entry.taken)
                or not taken <= there
            ):
                lost.add(index)
                continue
            revisions[entry.execution] = entry.revision + 1
            inbox.add(entry.message)
            there -= taken
            there.update(aside.id for aside in entry.aside)
        return lost

    def _write(self, rows: Round) -> bool:
        """One round; False when one of it lost."""
        self._run(q.ADD_MESSAGE, rows.messages)
        self._run(q.ADD_EXECUTION, rows.new)
        if not self._run_each(q.MOVE_EXECUTION, rows.moved):
            return False
        if not self._run_each(q.TAKE_ASIDE, rows.taken):
            return False
        self._run(q.DROP_ROW, rows.dropped_rows)
        self._run(q.PUT_ROW, [(*key, body) for key, body in rows.rows.items()])
        self._run(q.DROP_TODO, rows.done)
        self._run(q.PUT_TODO, rows.todos.values())
        self._run(q.PUT_ASIDE, rows.aside.values())
        self._run(q.APPEND, rows.log)
        return True

    def _run(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        if rows:
            self._counters.statements += 1
            self._cursor.executemany(sql, rows)

    def _run_each(self, sql: str, rows: Values) -> bool:
        """Whether each changed a row."""
        wanted = self._connection.total_changes() + len(rows)
        self._run(sql, rows)
        return self._connection.total_changes() == wanted

    def _many(self, sql: str, keys: Iterable[Sequence[object]]) -> list[tuple[Any, ...]]:
        self._counters.statements += 1
        return self._cursor.executemany(sql, keys).fetchall()


def _rounds(entries: Sequence[Entry]) -> list[Round]:
    rounds = [Round()]
    for entry in entries:
        if not rounds[-1].takes(entry):
            rounds.append(Round())
        rounds[-1].add(entry)
    return rounds
