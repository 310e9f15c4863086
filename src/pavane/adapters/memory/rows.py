"""The rows that the memory store holds, and how a change alters them: plain dictionaries.

A snapshot shares these objects with the store. Before the store changes an execution that some
snapshot may have seen, it clones it (`Tables.own`), so that a snapshot costs one dictionary copy.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection
from copy import copy
from typing import TypeVar

from msgspec.structs import replace

from pavane.core.model.rows import PAGE, Header, Ready, TaskRow
from pavane.ports.store import Change, LogEntry

Row = TypeVar("Row", tuple[int, str, str], tuple[int, int, str, str])

_IDENTITY = ("workflow", "parent_id", "parent_ref", "key", "correlation_id", "depth", "created_at")


class ExecutionRows:
    """All rows of one execution."""

    __slots__ = ("generation", "header", "log", "ready", "tasks", "values")

    def __init__(self, header: Header, generation: int) -> None:
        self.header = header
        self.generation = generation
        self.tasks: dict[str, tuple[TaskRow, ...]] = {}  # by ref: its attempts, in order
        self.values: dict[str, bytes] = {}
        self.ready: dict[str, Ready] = {}
        self.log: list[LogEntry] = []

    def clone(self, generation: int) -> ExecutionRows:
        """A copy that may be changed without anybody noticing."""
        new = ExecutionRows(self.header, generation)
        new.tasks, new.values = self.tasks.copy(), self.values.copy()
        new.ready, new.log = self.ready.copy(), self.log.copy()
        return new

    def page(self, after: str) -> tuple[Ready, ...]:
        """The next ready rows behind `after`, by ref."""
        refs = sorted(ref for ref in self.ready if ref > after)
        return tuple(self.ready[ref] for ref in refs[:PAGE])

    def put_task(self, row: TaskRow) -> None:
        """Insert an attempt, or replace it."""
        others = [t for t in self.tasks.get(row.ref, ()) if t.attempt != row.attempt]
        self.tasks[row.ref] = tuple(sorted([*others, row], key=lambda t: t.attempt))

    def change_task(self, row: TaskRow) -> None:
        """Change an attempt: what was fixed at its beginning stays. Insert it if it is absent."""
        for old in self.tasks.get(row.ref, ()):
            if old.attempt == row.attempt:
                row = replace(
                    row,
                    type=old.type,
                    name=old.name,
                    seq=old.seq,
                    input=old.input,
                    first_scheduled_at=old.first_scheduled_at,
                    branch=old.branch,
                )
        self.put_task(row)


class Tables:
    """All rows of a store, with the few orders that it is asked for."""

    def __init__(self) -> None:
        self.generation = 0  # goes up with each snapshot
        self.executions: dict[str, ExecutionRows] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.log: list[LogEntry] = []
        self.position = 0  # of the last entry there ever was
        self.alarms: list[tuple[int, str, str]] = []  # sorted: (alarm_at, execution, ref)
        # By queue, sorted: the highest priority first, negated, then by visible_at.
        self.waiting: dict[str, list[tuple[int, int, str, str]]] = {}
        self.held: dict[str, set[tuple[str, str]]] = {}  # by queue: what is leased

    def own(self, execution_id: str) -> ExecutionRows:
        """The rows of an execution, safe to change: no snapshot shares them."""
        rows = self.executions[execution_id]
        if rows.generation < self.generation:
            rows = self.executions[execution_id] = rows.clone(self.generation)
        return rows

    def apply(self, change: Change) -> None:
        """Write one change; whether it may be written was decided before."""
        header = copy(change.header)  # the decider may go on with its own
        if header.id in self.executions:
            rows = self.own(header.id)
            self._alarm(rows.header.alarm_at, header.alarm_at, header.id, "")
            for field in _IDENTITY:
                setattr(header, field, getattr(rows.header, field))
            header.successor = header.successor or rows.header.successor
            rows.header = header
            if header.successor and self.keys.get(header.start_key) == header.id:
                del self.keys[header.start_key]
        else:
            rows = self.executions[header.id] = ExecutionRows(header, self.generation)
            self._alarm(0, header.alarm_at, header.id, "")
            if header.key:
                self.keys[header.workflow, header.key] = header.id
        for task in change.new_tasks:
            rows.put_task(task)
        for task in change.tasks:
            rows.change_task(task)
        for value in change.values:
            rows.values[value.name] = value.body
        for ref in change.closed:
            self._put_ready(rows, ref, None)
        for ready in change.ready:
            self._put_ready(rows, ready.ref, ready)
        if change.entries:
            self.position += 1
            entry = LogEntry(self.position, header.id, change.at, change.entries)
            self.log.append(entry)
            rows.log.append(entry)

    def forget(self, family: Collection[str]) -> None:
        """Let executions go, and all that they wrote. Snapshots have what they saw."""
        for execution_id in family:
            rows = self.own(execution_id)
            for ref in list(rows.ready):
                self._put_ready(rows, ref, None)
            self._alarm(rows.header.alarm_at, 0, execution_id, "")
            if self.keys.get(rows.header.start_key) == execution_id:
                del self.keys[rows.header.start_key]
            del self.executions[execution_id]
        self.log = [entry for entry in self.log if entry.execution_id not in family]

    def _put_ready(self, rows: ExecutionRows, ref: str, new: Ready | None) -> None:
        old = rows.ready.pop(ref, None)
        execution_id = rows.header.id
        self._alarm(_alarm_of(old), _alarm_of(new), execution_id, ref)
        if old is not None and _waits(old):
            _discard(self.waiting[old.queue], _turn(old))
            if not self.waiting[old.queue]:
                del self.waiting[old.queue]
        if old is not None and _is_leased(old):
            self.held[old.queue].discard((execution_id, ref))
            if not self.held[old.queue]:
                del self.held[old.queue]
        if new is not None:
            rows.ready[ref] = new
            if _waits(new):
                insort(self.waiting.setdefault(new.queue, []), _turn(new))
            if _is_leased(new):
                self.held.setdefault(new.queue, set()).add((execution_id, ref))

    def _alarm(self, old: int, new: int, execution_id: str, ref: str) -> None:
        if old != new:
            if old:
                _discard(self.alarms, (old, execution_id, ref))
            if new:
                insort(self.alarms, (new, execution_id, ref))


def _waits(row: Ready) -> bool:
    """Whether a worker may take the task, now or later."""
    return bool(row.queue) and not row.worker and not row.mark


def _is_leased(row: Ready) -> bool:
    """Whether somebody has it: a worker a task, or an execution its place."""
    return bool(row.worker) and not row.mark


def _turn(row: Ready) -> tuple[int, int, str, str]:
    """Where the task stands among those that wait in its queue."""
    return (-row.priority, row.visible_at, row.execution_id, row.ref)


def _alarm_of(row: Ready | None) -> int:
    """When the row wants to be looked at; marks have no timers."""
    return row.alarm_at if row is not None and not row.mark else 0


def _discard(items: list[Row], item: Row) -> None:
    del items[bisect_left(items, item)]
