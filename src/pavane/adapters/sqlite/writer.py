"""One commit's rows, statement by statement: gathered from units, judged, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import apsw
import msgspec
from msgspec.structs import astuple

from pavane.adapters.bounding import Room, bounded
from pavane.adapters.judging import losers
from pavane.adapters.sqlite import queries as q
from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.counters import Counters
from pavane.core.model.rows import Header, Ready, TaskRow, Value
from pavane.ports.store import Change, Unit

_KNOWN_MOST = 20_000


class Rows:
    """What goes into one round of statements: at most one change of each execution."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.new: list[Header] = []
        self.steady: list[Header] = []  # status and alarm are thought to stay as they are
        self.headers: list[Header] = []
        self.succeeded: list[tuple[str, str]] = []  # ended, and who has their start key now
        self.new_tasks: list[TaskRow] = []
        self.tasks: list[TaskRow] = []
        self.values: list[Value] = []
        self.closed: list[tuple[str, str]] = []
        self.ready: list[Ready] = []
        self.log: list[tuple[str, int, bytes]] = []


class Writer:
    """Writes units inside a transaction that the store has begun, on its one connection.

    It remembers status and alarm of the headers that passed through it, only as a hint: a header
    that kept both is written by a statement that leaves their indexes alone, and that statement
    checks the hint.
    """

    def __init__(self, connection: Connection, counters: Counters) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._counters = counters
        self._known: dict[str, tuple[str, int]] = {}

    def remember(self, header: Header) -> None:
        """Note what a loaded or written header looks like."""
        if len(self._known) >= _KNOWN_MOST:
            self._known.clear()
        self._known[header.id] = (header.status, header.alarm_at)

    def write(self, units: Sequence[Unit]) -> bool:
        """Write all, or return False when some unit loses; the caller then rolls back."""
        room = self._room(units)
        if room is not None and not all(room.takes(unit) for unit in units):
            return False
        try:
            wins = all(self._write(rows) for rows in self._gather(units))
        except apsw.ConstraintError:
            return False
        if wins and room is not None and (paces := room.bodies()):
            self._many(q.PUT_PACE, list(paces.items()))
        return wins

    def _room(self, units: Sequence[Unit]) -> Room | None:
        """What there is before they are written; None where nobody asks."""
        names = [(name,) for name in sorted(bounded(units))]
        if not names:
            return None
        counts = self._many(q.COUNT_HELD, names)
        held = {name: count for (name,), (count,) in zip(names, counts, strict=True)}
        return Room(held, {row[0]: row[1] for row in self._many(q.FIND_PACE, names)})

    def judge(self, units: Sequence[Unit]) -> set[int]:
        """The indexes of the units that lose, as the rows stand now; nothing is written."""
        headers = [change.header for unit in units for change in unit.changes]
        found = self._many(q.FIND_REVISION, [(header.id,) for header in headers])
        revisions: dict[str, int] = {row[0]: row[1] for row in found}
        asked = [(header.workflow, header.key) for header in headers if header.key]
        taken = {(row[0], row[1]): row[2] for row in self._many(q.FIND_KEY, asked)}
        return losers(units, revisions, taken, self._room(units))

    def _many(self, sql: str, rows: Iterable[Sequence[object]]) -> list[tuple[Any, ...]]:
        self._counters.statements += 1
        return self._cursor.executemany(sql, rows).fetchall()

    def _gather(self, units: Sequence[Unit]) -> list[Rows]:
        """The rows of the units. An execution that comes again begins another round.

        So does one that gives its key away: what comes before it finds the key taken.
        """
        rounds = [Rows()]
        rows = rounds[0]
        for unit in units:
            for change in unit.changes:
                if change.header.id in rows.ids or (change.header.successor and rows.ids):
                    rows = Rows()
                    rounds.append(rows)
                self._add(rows, change)
        return rounds

    def _add(self, rows: Rows, change: Change) -> None:
        header = change.header
        id = header.id
        rows.ids.add(id)
        if header.revision == 1:
            rows.new.append(header)
        elif self._known.get(id) == (header.status, header.alarm_at):
            rows.steady.append(header)
        else:
            rows.headers.append(header)
        self.remember(header)
        if header.successor:
            rows.succeeded.append((id, header.successor))
        rows.new_tasks += change.new_tasks
        rows.tasks += change.tasks
        rows.values += change.values
        rows.ready += change.ready
        for ref in change.closed:
            rows.closed.append((id, ref))
        if change.entries:
            rows.log.append((id, change.at, change.entries))

    def _write(self, rows: Rows) -> bool:
        if not self._write_headers(rows):
            return False
        self._put(q.PUT_TASK, rows.new_tasks)
        before = self._connection.total_changes()
        self._put(q.UPDATE_TASK, rows.tasks)
        if self._connection.total_changes() != before + len(rows.tasks):  # one was not there
            self._put(q.ADD_TASK, rows.tasks)
        self._put(q.PUT_VALUE, rows.values)
        if rows.closed:
            self._many(q.DELETE_READY, rows.closed)
        self._put(q.PUT_READY, rows.ready)
        if rows.log:
            self._many(q.APPEND_LOG, rows.log)
        self._count(rows)
        return True

    def _write_headers(self, rows: Rows) -> bool:
        """Write the headers, or return False when one of them lost."""
        wanted = self._connection.total_changes() + len(rows.steady) + len(rows.headers)
        self._put(q.UPDATE_STEADY_HEADER, rows.steady)
        self._put(q.UPDATE_HEADER, rows.headers)
        if self._connection.total_changes() != wanted:  # a hint was wrong, or one lost
            self._put(q.UPDATE_HEADER, rows.steady)
        if self._connection.total_changes() != wanted:
            return False
        if rows.succeeded:  # before anybody takes their keys
            self._many(q.GIVE_KEY, rows.succeeded)
        self._put(q.INSERT_HEADER, rows.new)
        return True

    def _put(self, sql: str, rows: Sequence[msgspec.Struct]) -> None:
        if rows:
            self._counters.statements += 1
            self._cursor.executemany(sql, map(astuple, rows))

    def _count(self, rows: Rows) -> None:
        counters = self._counters
        counters.rows["execution"] += len(rows.ids)
        counters.rows["task"] += len(rows.new_tasks) + len(rows.tasks)
        counters.rows["value"] += len(rows.values)
        counters.rows["ready"] += len(rows.closed) + len(rows.ready)
        counters.rows["log"] += len(rows.log)
        counters.payload_bytes += sum(
            chain(
                (len(task.input) + len(task.output) for task in rows.new_tasks),
                (len(task.output) for task in rows.tasks),
                (len(value.body) for value in rows.values),
                (len(entry[2]) for entry in rows.log),
            )
        )
