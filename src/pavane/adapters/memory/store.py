"""The store in memory: the simplest keeper of the promises, and the oracle for the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy

from pavane.adapters.bounding import Room, bounded
from pavane.adapters.memory.keys import MemoryKeys
from pavane.adapters.memory.members import MemoryMembers
from pavane.adapters.memory.past import MemoryPast
from pavane.adapters.memory.rows import Tables
from pavane.adapters.memory.snapshot import MemorySnapshot
from pavane.core.model.rows import Key, Ready
from pavane.errors import StoreError, StoreFullError
from pavane.ports.store import LoadedRows, StoredWorkflow, Unit

_LAST = "\U0010ffff"


class MemoryStore:
    """Keeps everything in memory; nothing survives the process.

    Simulations set `full` to let commits fail for want of room, and call `crash` to go on with
    what a new process would find. A `shared` one has other engines `beside` it.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self.full = False
        self.members = MemoryMembers(self._check_open) if shared else None
        self._open = False
        self._tables = Tables()
        self._definitions: dict[str, bytes] = {}
        self._workflows: dict[tuple[str, int], StoredWorkflow] = {}
        self._task_definitions: dict[str, bytes] = {}
        self._schedules: dict[str, bytes] = {}
        self._paces: dict[str, bytes] = {}
        self.keys = MemoryKeys(self._check_open, self._marked)
        self.past = MemoryPast(self._rows)

    def crash(self) -> MemoryStore:
        """The store that a new process would find, not yet open; this one serves nobody any more.

        What was committed is there, and nothing else.
        """
        new = self.beside()
        self._open = False
        self._tables = Tables()
        return new

    def beside(self) -> MemoryStore:
        """Another store on the same rows, not yet open, for another engine of this process."""
        new = MemoryStore()
        new._tables = self._tables
        new._definitions = self._definitions
        new._workflows = self._workflows
        new._task_definitions = self._task_definitions
        new._schedules = self._schedules
        new._paces = self._paces
        new.keys = self.keys.moved(new._check_open, new._marked)
        new.members = self.members.moved(new._check_open) if self.members else None
        return new

    def _rows(self) -> Tables:
        self._check_open()
        return self._tables

    def _marked(self) -> None:
        if self.members is not None:
            self.members.marked()

    async def open(self) -> None:
        """Begin to serve."""
        self._open = True

    async def close(self) -> None:
        """Serve nobody any more; the rows stay, and `open` serves them again."""
        self._open = False

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        """The header and the keys of each execution."""
        self._check_open()
        loaded: dict[str, LoadedRows] = {}
        for execution_id, keys in wanted.items():
            rows = self._tables.executions.get(execution_id)
            found = loaded[execution_id] = LoadedRows(copy(rows.header) if rows else None)
            for kind, name in keys:
                if kind == "task":
                    attempts = rows.tasks.get(name) if rows else None
                    found.tasks[name] = attempts[-1] if attempts else None
                elif kind == "value":
                    found.values[name] = rows.values.get(name) if rows else None
                else:
                    found.pages[name] = rows.page(name) if rows else ()
        return loaded

    async def find_keys(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Execution ids by (workflow, start key), for those that exist."""
        self._check_open()
        return {key: self._tables.keys[key] for key in keys if key in self._tables.keys}

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        """Write the units; returns the indexes of those that lost."""
        self._check_open()
        if self.full and units:
            raise StoreFullError(
                "The store has no room left; nothing was written.", "Make room, then try again."
            )
        lost: set[int] = set()
        room = self._room(units)
        for index, unit in enumerate(units):
            if self._wins(unit) and room.takes(unit):
                for change in unit.changes:
                    self._tables.apply(change)
            else:
                lost.add(index)
        self._paces.update(room.bodies())
        return lost

    def _room(self, units: Sequence[Unit]) -> Room:
        held = {name: len(self._tables.held.get(name, ())) for name in bounded(units)}
        return Room(held, self._paces)

    def _wins(self, unit: Unit) -> bool:
        """Whether each header follows the stored one, and each new start key is free."""
        revisions: dict[str, int] = {}
        keys: set[tuple[str, str]] = set()
        freed: set[tuple[str, str]] = set()
        for change in unit.changes:
            header = change.header
            rows = self._tables.executions.get(header.id)
            stored = revisions.get(header.id, rows.header.revision if rows else 0)
            if header.revision != stored + 1:
                return False
            revisions[header.id] = header.revision
            key = header.start_key
            if stored == 0 and header.key:
                if key in keys or (key in self._tables.keys and key not in freed):
                    return False
                keys.add(key)
            elif header.successor and self._tables.keys.get(key) == header.id:
                freed.add(key)
        return True

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        """Tasks of a queue that a worker may take now."""
        self._check_open()
        waiting = self._tables.waiting.get(queue, [])
        found: list[Ready] = []
        start = 0
        while start < len(waiting) and len(found) < limit:
            level = waiting[start][0]
            end = bisect_right(waiting, (level, now, _LAST, _LAST))
            for _, _, execution_id, ref in waiting[start : min(end, start + limit - len(found))]:
                found.append(self._tables.executions[execution_id].ready[ref])
            start = bisect_left(waiting, (level + 1, 0, "", ""))
        return found

    async def due(self, now: int, limit: int) -> list[tuple[int, str, str]]:
        """(alarm_at, execution_id, ref) of alarms at or before now."""
        self._check_open()
        alarms = self._tables.alarms
        return alarms[: min(bisect_right(alarms, (now, _LAST, _LAST)), limit)]

    async def next_alarm(self) -> int:
        """The earliest alarm_at of all, 0 when there is none."""
        self._check_open()
        return self._tables.alarms[0][0] if self._tables.alarms else 0

    async def leases(self, worker_prefix: str) -> list[Ready]:
        """Leased tasks whose worker's name starts so, by execution and ref."""
        self._check_open()
        held = [
            ready
            for rows in self._tables.executions.values()
            for ready in rows.ready.values()
            if ready.worker and ready.worker.startswith(worker_prefix)
        ]
        return sorted(held, key=lambda r: (r.execution_id, r.ref))

    async def held(self, queues: Collection[str]) -> list[Ready]:
        """What is leased of these queues."""
        self._check_open()
        leases = sorted(
            lease for queue in set(queues) for lease in self._tables.held.get(queue, ())
        )
        return [self._tables.executions[id].ready[ref] for id, ref in leases]

    async def paces(self) -> dict[str, bytes]:
        """When tasks began lately, by their names."""
        self._check_open()
        return dict(sorted(self._paces.items()))

    async def put_definition(self, hash: str, body: bytes, at: int) -> None:
        """Keep a workflow definition under its content hash."""
        self._check_open()
        self._definitions.setdefault(hash, body)

    async def definition(self, hash: str) -> bytes | None:
        """The definition with this content hash."""
        self._check_open()
        return self._definitions.get(hash)

    async def put_workflow(self, workflow: StoredWorkflow) -> None:
        """Let a name and version stand for a content hash."""
        self._check_open()
        self._workflows[workflow.name, workflow.version] = workflow
        self._marked()

    async def workflows(self) -> list[StoredWorkflow]:
        """All that are registered, by name and version."""
        self._check_open()
        return [self._workflows[k] for k in sorted(self._workflows)]

    async def put_task_definitions(self, bodies: Mapping[str, bytes]) -> None:
        """Keep task definitions by name."""
        self._check_open()
        self._task_definitions.update(bodies)
        self._marked()

    async def task_definitions(self) -> dict[str, bytes]:
        """All task definitions by name."""
        self._check_open()
        return dict(sorted(self._task_definitions.items()))

    async def put_schedule(self, name: str, body: bytes) -> None:
        """Keep a schedule under its name."""
        self._check_open()
        self._schedules[name] = body
        self._marked()

    async def remove_schedule(self, name: str) -> bool:
        """Forget a schedule; False where there is none."""
        self._check_open()
        self._marked()
        return self._schedules.pop(name, None) is not None

    async def schedules(self) -> dict[str, bytes]:
        """All schedules by name."""
        self._check_open()
        return dict(sorted(self._schedules.items()))

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[MemorySnapshot]:
        """A reading view; leave the context to release it."""
        self._check_open()
        yield MemorySnapshot(self._tables)

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("The memory store is not open.", "Call open() first.")
