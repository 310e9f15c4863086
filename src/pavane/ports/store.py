"""The store: the engine's durable rows, in batches so that a network store needs few round trips.

Promises (each is watched by the contract suite, and by one adapter that breaks it):

1. atomic: all rows of one `Unit` are written together or not at all, also when the process dies.
2. fenced: a unit whose header has another revision than expected, or a new header whose id or
   start key is taken, is *lost*: nothing of it is written, the other units of the batch are. A key
   is free again behind the change that gives its execution a successor, also in the same unit.
3. durable: when `commit` returns, what won survives the loss of power.
4. visible: `load` sees everything that was committed before it was called.
5. newest: a task key loads the attempt with the highest number; older attempts stay readable.
6. ordered: `due` and `ready` give the earliest first, ties by execution id and ref, and nothing
   that is not due, is leased (`ready`) or is a mark. In `ready` a higher priority comes before all.
7. isolated: a `Snapshot` sees one state, whatever commits meanwhile, and does not hold commits up.
8. alone: where the store serves one process, opening it twice raises StoreBusyError.
9. full: when there is no room, `commit` raises StoreFullError, nothing of the batch is written,
   and the store works on once there is room.
10. paged: `Key("open", after)` gives at most PAGE rows with ref > after, by ref.
11. scheduled: `schedules` gives what was put last under each name, also after a death, and
   nothing that was removed.
12. paced: what a unit's bounds say that begins is noted with it or not at all; `paces` gives, by
   task, all that was noted and still counts.
13. own: an execution's own Ready row, with the ref "", waits in its queue and is leased like that
   of a task, and goes as they do; but no page has it. So who waits for a place among those of a
   workflow that run at once is found like what waits for a worker, at the cost of those asked for.
14. bounded: a unit whose `bounds` do not hold is lost. Counted is what was leased before the batch
   and what the units before it take that win; of all stores on the same rows, also at one moment.
   Whatever ends a lease frees its place.

No method may be called before `open` or after `close`. All are called from one event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from pavane.core.model.rows import Header, Key, Ready, TaskRow, Value
from pavane.ports.keys import Keys
from pavane.ports.members import Members
from pavane.ports.past import Past


class LoadedRows(msgspec.Struct):
    """What `load` found of one execution; a key that was asked for and is absent maps to None."""

    header: Header | None
    tasks: dict[str, TaskRow | None] = {}
    values: dict[str, bytes | None] = {}
    pages: dict[str, tuple[Ready, ...]] = {}


class Change(msgspec.Struct):
    """The writes to one execution in one commit.

    `header.revision` is the new one; the stored one must be `header.revision - 1` (a new execution
    has revision 1 and must not exist). Rows are whole, and inserted or replaced by their keys. What
    identifies a header (workflow, key, parent, depth, creation) never changes, a successor stays.
    Rows in `closed` go before those in `ready` come. `entries` is one JSON array appended to the
    log with `at`, or b"".
    """

    header: Header
    new_tasks: list[TaskRow] = []
    tasks: list[TaskRow] = []  # changed: their input, branch, type, name, first times stay
    values: list[Value] = []
    ready: list[Ready] = []  # inserted or replaced
    closed: list[str] = []  # refs whose Ready row goes
    entries: bytes = b""
    at: int = 0


class Bound(msgspec.Struct, frozen=True, gc=False):
    """That `count` more are not too many.

    Of the leases of a queue at most `most` are there at once. Where `within_ms` is given, `name` is
    a task, of which at most `most` attempts begin within any such time; these begin `at` (epoch
    ms), and that is noted as `Pace` says it.
    """

    name: str
    most: int
    count: int = 1
    within_ms: int = 0
    at: int = 0


class Unit(msgspec.Struct):
    """Changes to executions that must be written together (a parent and its child)."""

    changes: list[Change]
    bounds: list[Bound] = []


class LogEntry(msgspec.Struct, frozen=True):
    """One record of the log: the entries that one commit made for one execution."""

    position: int
    execution_id: str
    at: int
    entries: bytes


class StoredWorkflow(msgspec.Struct, frozen=True):
    """A registered workflow: its name and version, and the content they stand for."""

    name: str
    version: int
    definition: str  # content hash
    created_at: int = 0


class Search(msgspec.Struct, frozen=True):
    """What to list: newest first; empty fields do not filter."""

    workflow: str = ""
    statuses: tuple[str, ...] = ()
    key: str = ""
    parent_id: str | None = None  # None: any; "": only executions that have no parent
    before: str = ""  # ids smaller than this one
    limit: int = 100


class Snapshot(Protocol):
    """One unchanging state of the store, for views."""

    async def header(self, execution_id: str) -> Header | None:
        """The header of one execution, None when there is none."""
        ...

    async def tasks(self, execution_id: str) -> list[TaskRow]:
        """Every attempt of every step, by seq."""
        ...

    async def value(self, execution_id: str, name: str) -> bytes | None:
        """One named value of an execution."""
        ...

    async def values(self, execution_id: str) -> dict[str, bytes]:
        """All values of one execution, by name."""
        ...

    async def ready(self, execution_id: str) -> list[Ready]:
        """All ready rows of one execution, by ref."""
        ...

    async def search(self, wanted: Search) -> list[Header]:
        """The headers that fit, newest id first."""
        ...

    async def counts(self) -> dict[tuple[str, str], int]:
        """Executions by (workflow, status). Cost grows with the store: for people only."""
        ...

    async def log(self, execution_id: str) -> list[LogEntry]:
        """The entries of one execution, oldest first."""
        ...

    async def log_after(self, position: int, limit: int) -> list[LogEntry]:
        """The log of all executions behind a position, oldest first."""
        ...

    async def queues(self) -> dict[str, int]:
        """Tasks waiting for a worker, by queue."""
        ...

    async def running(self) -> dict[str, int]:
        """Tasks that workers have, by queue. Cost grows with the open tasks: for people only."""
        ...


class Store(Protocol):
    """The rows of record. See the module for the promises."""

    @property
    def keys(self) -> Keys:
        """Who may come in at the doors, kept in the same place."""
        ...

    @property
    def members(self) -> Members | None:
        """Who uses it beside us; None where it serves one process."""
        ...

    @property
    def past(self) -> Past:
        """What is over in it, and how it goes."""
        ...

    async def open(self) -> None:
        """Begin to serve.

        Raises StoreBusyError, StoreVersionError, or StoreError when the data cannot be used.
        """
        ...

    async def close(self) -> None:
        """Stop serving and let go of what is held; closing twice is fine."""
        ...

    async def load(self, wanted: Mapping[str, frozenset[Key] | set[Key]]) -> dict[str, LoadedRows]:
        """The header and the keys of each execution; every execution asked for is in the answer."""
        ...

    async def find_keys(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """By (workflow, start key) the executions that have them: those with no successor."""
        ...

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        """Write the units in one transaction; returns the indexes of those that lost."""
        ...

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        """Tasks of a queue that a worker may take now."""
        ...

    async def due(self, now: int, limit: int) -> list[tuple[int, str, str]]:
        """(alarm_at, execution_id, ref) of alarms at or before now; ref "" is its own."""
        ...

    async def next_alarm(self) -> int:
        """The earliest alarm_at of all, 0 when there is none."""
        ...

    async def leases(self, worker_prefix: str) -> list[Ready]:
        """Leased tasks whose worker's name starts so: what a process held before it died."""
        ...

    async def held(self, queues: Collection[str]) -> list[Ready]:
        """What is leased of these queues, by execution and ref."""
        ...

    async def paces(self) -> dict[str, bytes]:
        """When tasks began lately, by their names."""
        ...

    async def put_definition(self, hash: str, body: bytes, at: int) -> None:
        """Keep a workflow definition under its content hash; the same again is a no-op."""
        ...

    async def definition(self, hash: str) -> bytes | None:
        """The definition with this content hash, None when there is none."""
        ...

    async def put_workflow(self, workflow: StoredWorkflow) -> None:
        """Let a name and version stand for a content hash; replaces what stood there."""
        ...

    async def workflows(self) -> list[StoredWorkflow]:
        """All registered workflows, by name and version."""
        ...

    async def put_task_definitions(self, bodies: Mapping[str, bytes]) -> None:
        """Keep task definitions by name; replaces."""
        ...

    async def task_definitions(self) -> dict[str, bytes]:
        """All task definitions, by name."""
        ...

    async def put_schedule(self, name: str, body: bytes) -> None:
        """Keep a schedule under its name; replaces."""
        ...

    async def remove_schedule(self, name: str) -> bool:
        """Forget a schedule; False where there is none."""
        ...

    async def schedules(self) -> dict[str, bytes]:
        """All schedules, by name."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """A reading view; leave the context to release it."""
        ...
