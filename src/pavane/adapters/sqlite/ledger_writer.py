"""One commit's entries, statement by statement: judged, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from pavane.adapters.ledger_rounds import Round, Values, losers, rounds_of
from pavane.adapters.sqlite import ledger_queries as q
from pavane.adapters.sqlite.connection import Connection
from pavane.adapters.sqlite.counters import FileCounters
from pavane.ports.ledger import Entry


class LedgerWriter:
    """Writes entries inside a transaction that the ledger has begun, on its one connection."""

    def __init__(self, connection: Connection, counters: FileCounters) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._counters = counters

    def write(self, entries: Sequence[Entry]) -> bool:
        """Write all, or return False when some entry loses; the caller then rolls back."""
        try:
            return all(self._write(each) for each in rounds_of(entries))
        except apsw.ConstraintError:
            return False

    def judge(self, entries: Sequence[Entry]) -> set[int]:
        """The indexes of the entries that lose, as the rows stand now; nothing is written."""
        executions = {(entry.execution,) for entry in entries if entry.execution}
        revisions = {row[0]: row[1] for row in self._many(q.LOAD_REVISION, executions)}
        messages = {(id,) for entry in entries for id in entry.messages}
        inbox = {row[0] for row in self._many(q.SEEN, messages)}
        wanted = {(id,) for entry in entries for id in entry.taken}
        there = {row[0] for row in self._many(q.FIND_ASIDE, wanted)}
        return losers(entries, revisions, inbox, there)

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
