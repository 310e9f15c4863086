"""The rows that the memory ledger holds, and how an entry alters them: plain dictionaries."""

from __future__ import annotations

from bisect import bisect_left, insort

from pavane.adapters.memory.results import MemoryResults
from pavane.core.model.event import Outgoing
from pavane.ports.ledger import ALL, Aside, Entry, RowKey, Todo


class ExecutionRows:
    """What a service remembers of one execution."""

    __slots__ = ("closed_at", "groups", "revision", "todos")

    def __init__(self) -> None:
        self.revision = 0
        self.groups: dict[str, dict[str, bytes]] = {}
        self.todos: dict[str, Todo] = {}
        self.closed_at: int | None = None

    def find(self, key: RowKey) -> dict[RowKey, bytes]:
        """The row, or with the name ALL every row of the group."""
        group = self.groups.get(key.group, {})
        if key.name == ALL:
            return {RowKey(key.group, name): body for name, body in group.items()}
        return {key: group[key.name]} if key.name in group else {}

    def put(self, key: RowKey, body: bytes) -> None:
        """Write the row; an empty body removes it."""
        group = self.groups.setdefault(key.group, {})
        if body:
            group[key.name] = body
        else:
            group.pop(key.name, None)
        if not group:
            del self.groups[key.group]


class LedgerRows:
    """All rows of a ledger, with the few orders that it is asked for."""

    def __init__(self) -> None:
        self.server: object = None  # who serves these rows now
        self.executions: dict[str, ExecutionRows] = {}
        self.inbox: dict[str, int] = {}  # message id: when it was handled
        self.aside: dict[str, Aside] = {}
        self.log: list[Outgoing] = []  # position 1 first
        self.timers: list[tuple[int, str, str]] = []  # sorted: (due, execution, name)
        self.queued: list[tuple[str, str]] = []  # sorted: (execution, name)
        self.offsets: dict[str, int] = {}
        self.results: MemoryResults | None = None  # nothing was asked for so far

    def apply(self, entry: Entry) -> None:
        """Write one entry; whether it may be written was decided before."""
        self.inbox |= dict.fromkeys(entry.messages, entry.at)
        if entry.execution or entry.rows or entry.done:
            self._apply_to_execution(entry)
        for todo in entry.todos:
            self.drop_todo(todo.execution, todo.name)
            self.execution(todo.execution).todos[todo.name] = todo
            if todo.queue:
                insort(self.queued, (todo.execution, todo.name))
            else:
                insort(self.timers, (todo.due, todo.execution, todo.name))
        for id in entry.taken:
            del self.aside[id]
        for aside in entry.aside:
            self.aside[aside.id] = aside
        self.log.extend(entry.records)

    def _apply_to_execution(self, entry: Entry) -> None:
        rows = self.execution(entry.execution)
        if entry.execution:
            rows.revision += 1
            if entry.closed is not None:
                rows.closed_at = entry.at if entry.closed else None
        for key, body in entry.rows.items():
            rows.put(key, body)
        for name in entry.done:
            self.drop_todo(entry.execution, name)

    def execution(self, execution: str) -> ExecutionRows:
        """The rows of an execution, new ones if there are none."""
        rows = self.executions.get(execution)
        if rows is None:
            rows = self.executions[execution] = ExecutionRows()
        return rows

    def drop_todo(self, execution: str, name: str) -> None:
        """Forget a todo, if there is one."""
        rows = self.executions.get(execution)
        todo = rows.todos.pop(name, None) if rows else None
        if todo is None:
            return
        if todo.queue:
            del self.queued[bisect_left(self.queued, (execution, name))]
        else:
            del self.timers[bisect_left(self.timers, (todo.due, execution, name))]

    def todo(self, execution: str, name: str) -> Todo:
        """A todo that is there."""
        return self.executions[execution].todos[name]

    def drop_execution(self, execution: str) -> None:
        """Forget an execution: its rows, its todos and its revision."""
        for name in list(self.executions[execution].todos):
            self.drop_todo(execution, name)
        del self.executions[execution]
