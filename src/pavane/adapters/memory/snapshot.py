"""One unchanging state of the memory store, for views."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from copy import copy
from itertools import islice

from pavane.adapters.memory.rows import Tables
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.ports.store import LogEntry, Search


class MemorySnapshot:
    """Shares the rows with the store, which clones an execution before it changes it."""

    def __init__(self, tables: Tables) -> None:
        tables.generation += 1
        self._executions = tables.executions.copy()
        self._log = tables.log  # appended to, or replaced
        self._log_length = len(tables.log)
        self._queues = {queue: len(items) for queue, items in sorted(tables.waiting.items())}

    async def header(self, execution_id: str) -> Header | None:
        """The header of one execution."""
        rows = self._executions.get(execution_id)
        return copy(rows.header) if rows else None

    async def tasks(self, execution_id: str) -> list[TaskRow]:
        """Every attempt of every step, by seq."""
        rows = self._executions.get(execution_id)
        attempts = [t for tasks in rows.tasks.values() for t in tasks] if rows else []
        return sorted(attempts, key=lambda t: (t.seq, t.ref, t.attempt))

    async def value(self, execution_id: str, name: str) -> bytes | None:
        """One named value of an execution."""
        rows = self._executions.get(execution_id)
        return rows.values.get(name) if rows else None

    async def values(self, execution_id: str) -> dict[str, bytes]:
        """All values of one execution by name."""
        rows = self._executions.get(execution_id)
        return dict(sorted(rows.values.items())) if rows else {}

    async def ready(self, execution_id: str) -> list[Ready]:
        """All ready rows of one execution by ref."""
        rows = self._executions.get(execution_id)
        return sorted(rows.ready.values(), key=lambda r: r.ref) if rows else []

    async def search(self, wanted: Search) -> list[Header]:
        """The headers that fit, newest first."""
        ids = sorted(self._executions, reverse=True)
        headers = (copy(self._executions[i].header) for i in ids)
        return list(islice((h for h in headers if _fits(h, wanted)), wanted.limit))

    async def counts(self) -> dict[tuple[str, str], int]:
        """Executions by (workflow, status)."""
        found = Counter((r.header.workflow, r.header.status) for r in self._executions.values())
        return dict(sorted(found.items()))

    async def log(self, execution_id: str) -> list[LogEntry]:
        """The entries of one execution, oldest first."""
        rows = self._executions.get(execution_id)
        return list(rows.log) if rows else []

    async def log_after(self, position: int, limit: int) -> list[LogEntry]:
        """The log of all executions behind a position, oldest first."""
        start = bisect_right(self._log, position, hi=self._log_length, key=lambda e: e.position)
        return self._log[start : min(start + limit, self._log_length)]

    async def queues(self) -> dict[str, int]:
        """Tasks waiting for a worker, by queue."""
        return dict(self._queues)

    async def running(self) -> dict[str, int]:
        """Tasks that workers have, by queue."""
        every = (row for rows in self._executions.values() for row in rows.ready.values())
        found = Counter(row.queue for row in every if row.worker and not row.mark)
        return dict(sorted(found.items()))


def _fits(header: Header, wanted: Search) -> bool:
    return (
        (not wanted.workflow or header.workflow == wanted.workflow)
        and (not wanted.statuses or header.status in wanted.statuses)
        and (not wanted.key or header.key == wanted.key)
        and (wanted.parent_id is None or header.parent_id == wanted.parent_id)
        and (not wanted.before or header.id < wanted.before)
    )
