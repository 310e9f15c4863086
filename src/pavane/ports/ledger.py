"""The ledger: a service's own record, in its own database, one transaction for each message.

Promises (each is watched by the contract suite, and by one adapter that breaks it):

1. atomic: all of one `Entry` (inbox, rows, todos, records, what is set aside) is written together
   or not at all, also when the process dies; entries of one commit stand in one transaction.
2. fenced: an entry that expects another revision of its execution, one of whose messages is in the
   inbox already, or that takes back what is not set aside (any more), is *lost*: nothing of it is
   written, the other entries of the batch are. Entries of one batch see those before them.
3. durable: when `commit` returns, what won survives the loss of power.
4. visible: `load` and `seen` see everything that was committed before they were called.
5. grouped: a key with the name ALL loads every row of its group; a row that was written with an
   empty body is gone.
6. logged: records get positions that only grow, in the order of the entries and of the records in
   them; `log_after` gives them in that order and misses none that was committed before.
7. timely: `due` gives the earliest first (then by execution and name), and nothing that is not
   due; a todo replaces the one of the same execution and name.
8. kept: what is set aside keeps its bytes until it is taken back; of two entries that take it back
   the second is lost. What is set aside replaces what was under the same message id.
9. pruned: `prune` takes inbox ids older than it is told and whole executions (rows, todos, their
   revision) that were closed before, and nothing else: not the log, nor what is set aside, nor an
   execution of which something is set aside, which may be taken back. `closed` names those
   executions beforehand, the earliest first (then by id).
10. full: when there is no room, `commit` raises StoreFullError, nothing of the batch is written,
    and the ledger works on once there is room.
11. alone: where the ledger serves one process, opening it twice raises StoreBusyError.
12. leased: a ledger that is `Leased` and has given no sign of life for the length of its lease may
    be opened by another process. From then on the first writes nothing: each of its methods
    raises LeaseLostError, at the latest when it would commit, and `lost` returns.

No method may be called before `open` or after `close`. All are called from one event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from pavane.core.model.event import CloudEvent, Outgoing
from pavane.ports.results import Results

ALL: Final = "*"


class RowKey(NamedTuple):
    """Where a row of an execution stands; the name ALL asks for the whole group."""

    group: str
    name: str


class Loaded(msgspec.Struct):
    """What `load` found of one execution: rows by key (absent ones are left out), its revision.

    `revision` is 0 where the ledger has nothing of the execution.
    """

    revision: int = 0
    rows: dict[RowKey, bytes] = {}


class Todo(msgspec.Struct, frozen=True, gc=False):
    """Something that has to be done later: a timer (queue ""), or work for a queue's workers.

    Work that a worker has already begun stays a todo until its end, so that a process that starts
    again knows what its predecessor had in its hands.
    """

    execution: str
    name: str  # one todo for each name
    due: int = 0  # epoch ms; not before this
    queue: str = ""
    body: bytes = b""


AsideKind = Literal["parked", "quarantined", "dead"]


class Aside(msgspec.Struct, frozen=True, gc=False):
    """A message that could not be handled, with its reason: parked (too early), quarantined

    (impossible), or dead (failed too often). `until` is when a parked one counts as dead (ms).
    """

    id: str  # of the message
    kind: AsideKind
    execution: str
    reason: str
    event: CloudEvent
    at: int
    until: int = 0


class Entry(msgspec.Struct):
    """What one message, one result or one timer brings about.

    `execution` with `revision` (the one expected; the entry makes it one more) fences the rows; an
    entry without execution has no revision to expect. `message` goes into the inbox, and stays
    there at least until `at` is old enough to be pruned; so do the `others` whose handling is over
    with it. Rows are whole: inserted or replaced, removed where the body is empty. `done` names
    todos of the execution that go, before `todos` come; `taken` goes before `aside` comes. `closed`
    marks the execution as over at `at`, for pruning; False means that it goes on (again), None
    leaves it as it is.
    """

    execution: str = ""
    revision: int = 0
    message: str = ""
    others: list[str] = []  # more messages
    rows: dict[RowKey, bytes] = {}
    done: list[str] = []
    todos: list[Todo] = []
    records: list[Outgoing] = []
    aside: list[Aside] = []
    taken: list[str] = []  # ids of what was set aside and is handled now
    closed: bool | None = False
    at: int = 0

    @property
    def messages(self) -> list[str]:
        """All that goes into the inbox."""
        return [self.message, *self.others] if self.message else self.others


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event in the log."""

    position: int
    out: Outgoing


class Ledger(Protocol):
    """The rows of record of one service. See the module for the promises."""

    @property
    def results(self) -> Results:
        """What it remembers of tasks, in the same database. Use it while the ledger is open."""
        ...

    async def open(self) -> None:
        """Begin to serve. Raises StoreBusyError, StoreVersionError, StoreError."""
        ...

    async def close(self) -> None:
        """Stop serving and let go of what is held; closing twice is fine."""
        ...

    async def load(self, wanted: Mapping[str, Collection[RowKey]]) -> dict[str, Loaded]:
        """The rows of each execution; every execution asked for is in the answer."""
        ...

    async def seen(self, messages: Collection[str]) -> set[str]:
        """Those of the ids that are in the inbox."""
        ...

    async def commit(self, entries: Sequence[Entry]) -> set[int]:
        """Write the entries in one transaction; returns the indexes of those that lost."""
        ...

    async def log_after(self, position: int, limit: int) -> list[Record]:
        """The log behind a position, oldest first."""
        ...

    async def offset(self, name: str) -> int:
        """A position that somebody keeps here (how far the relay has come); 0 at first."""
        ...

    async def keep_offset(self, name: str, position: int) -> None:
        """Remember a position. It may be lost with the process: the relay then sends again.

        What comes back then is one that was remembered before.
        """
        ...

    async def due(self, now: int, limit: int) -> list[Todo]:
        """Timers (todos without a queue) at or before now."""
        ...

    async def next_due(self) -> int:
        """The earliest timer of all, 0 when there is none."""
        ...

    async def work(self, after: tuple[str, str], limit: int) -> list[Todo]:
        """Todos that have a queue, by (execution, name), behind the given one."""
        ...

    async def aside(self, kind: AsideKind | None = None, limit: int = 100) -> list[Aside]:
        """What was set aside and not taken back, oldest first."""
        ...

    async def closed(
        self, before: int, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """The executions that `prune` would forget, as (when closed, id), behind the given one."""
        ...

    async def prune(self, inbox_before: int, closed_before: int) -> int:
        """Forget inbox ids and closed executions from before these times (ms).

        Results of tasks go with the ids of their age. Returns how many went, all together. First
        the offsets that were kept become durable: what was sent or done long ago must not come
        again once nothing guards against it.
        """
        ...


@runtime_checkable
class PrunableLog(Protocol):
    """A ledger that can forget the beginning of its log."""

    async def prune_log(self, position: int, before: int) -> int:
        """Forget records up to a position that were written before a time (ms); how many went.

        The caller knows who reads the log, and that all of them are behind the position.
        """
        ...


@runtime_checkable
class Leased(Protocol):
    """A ledger that another process may take over from one that seems dead."""

    @property
    def is_lost(self) -> bool:
        """Whether another process is known to have taken it over since it was opened."""
        ...

    async def lost(self) -> None:
        """Wait until another process has taken it over. It must be open, or have been."""
        ...
