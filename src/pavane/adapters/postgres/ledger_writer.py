"""How a ledger commits entries, and how one process at a time does so.

Whoever serves a ledger holds an advisory lock in the session that commits: it is free when the
process has died. A process that is stopped holds it still; so it also gives signs of life, and one
that gave none may be put out: the generation goes up, its session is ended, and no commit of an
older generation is made.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pavane.adapters.ledger_rounds import losers, rounds_of
from pavane.adapters.postgres import ledger_queries as q
from pavane.adapters.postgres import ledger_routine as routine
from pavane.adapters.postgres.committer import Committer
from pavane.adapters.postgres.connection import Connection
from pavane.adapters.postgres.counters import PostgresLedgerCounters
from pavane.adapters.postgres.place import Place
from pavane.adapters.postgres.pool import Pauses
from pavane.errors import LeaseLostError, StoreBusyError, StoreError
from pavane.ports.ledger import Entry

ADVISORY: Final = 0x50617662
"""Of advisory locks, the class of ledgers."""

_ENDING_S: Final = 5.0  # how long the server may take to end a session
_NUL_SHOWN: Final = "\u2400"
_NO_TEXT: Final = "22021"  # the server cannot keep such a text
_REASON: Final = 4  # where it stands in a row of what is set aside, behind its turn

Row = tuple[object, ...]


def lock_key(place: Place) -> int:
    """Which of those locks who serves the ledger has."""
    return zlib.crc32(place.schema.encode()) >> 1


class PackedEntries:
    """The rows of a batch by kind; their first field is the turn. And offsets, as they are now."""

    def __init__(self, entries: Sequence[Entry], offsets: Mapping[str, int]) -> None:
        self.rounds = rounds_of(entries) if entries else []
        self.offsets = list(offsets.items())
        rounds = list(enumerate(self.rounds))
        self._asides: list[Row] = [(n, *row) for n, r in rounds for row in r.aside.values()]
        self._kinds: tuple[list[Row], ...] = (
            [(n, *row) for n, r in rounds for row in r.messages],
            [(n, *row) for n, r in rounds for row in r.new],
            [(n, *row) for n, r in rounds for row in r.moved],
            [(n, *row) for n, r in rounds for row in r.taken],
            [(n, *row) for n, r in rounds for row in r.dropped_rows],
            [(n, *key, body) for n, r in rounds for key, body in r.rows.items()],
            [(n, *row) for n, r in rounds for row in r.done],
            [(n, *row) for n, r in rounds for row in r.todos.values()],
            self._asides,
            [(n, *row) for n, r in rounds for row in r.log],
        )

    def __bool__(self) -> bool:
        return bool(self.rounds or self.offsets)

    @property
    def rows(self) -> tuple[object, ...]:
        """The parameters of the call, behind those about the writer."""
        return (len(self.rounds), *self._kinds, self.offsets)

    def clean(self, state: str) -> bool:
        """Whether another try may pass: the reasons, which are free text, have no NUL any more."""
        changed = False
        for index, row in enumerate(self._asides):
            reason = row[_REASON]
            if state == _NO_TEXT and isinstance(reason, str) and "\0" in reason:
                shown = reason.replace("\0", _NUL_SHOWN)
                self._asides[index] = (*row[:_REASON], shown, *row[_REASON + 1 :])
                changed = True
        return changed

    def written(self) -> None:
        """The ledger counts entries itself."""


class LedgerWriter(Committer[Entry]):
    """Commits entries while this process serves the ledger."""

    option = "--ledger"
    sql = routine.CALL

    def __init__(
        self,
        place: Place,
        counters: PostgresLedgerCounters,
        lease_s: float,
        offsets: Mapping[str, int],
        lose: Callable[[], None],
    ) -> None:
        super().__init__(place, counters)
        self.generation = 0  # 0: it has not been taken yet
        self._lease_s = lease_s
        self._offsets = offsets  # what is to be written with the next commit
        self._lose = lose
        self._pid = 0  # of the session that has the lock
        self._key = lock_key(place)

    def _pack(self, parts: Sequence[Entry]) -> PackedEntries:
        return PackedEntries(parts, self._offsets)

    def _fence(self) -> int:
        return self.generation

    def _refused(self, state: str) -> StoreError | None:
        return self.lost() if state == routine.PUT_OUT else None

    def lost(self) -> LeaseLostError:
        """The error of a process that was put out."""
        self._lose()
        return LeaseLostError(
            f"The PostgreSQL ledger {self._place} was taken over by another process, as this one "
            "gave no sign of life for the length of its lease.",
            "Stand by until it is free; a longer --take-over-after tolerates longer pauses.",
        )

    async def _losers(self, connection: Connection, parts: Sequence[Entry]) -> set[int]:
        executions = list({entry.execution for entry in parts if entry.execution})
        taken = list({id for entry in parts for id in entry.taken})
        revisions, there = (await connection.fetch(q.JUDGE, executions, taken))[0]
        messages = list({id for entry in parts for id in entry.messages})
        inbox = {row[0] for row in await connection.fetch(q.SEEN, messages)}
        return losers(parts, dict(revisions), inbox, set(there))

    # --- who serves it --------------------------------------------------------------------------

    async def _prepare(self, connection: Connection) -> None:
        """A new session: it takes the ledger, or has it already and takes the lock again."""
        await connection.execute(routine.MAKE)
        if self.generation:
            await self._lock_again(connection)
        else:
            self.generation = await self._take(connection)
        self._pid = connection.get_server_pid()

    async def _take(self, connection: Connection) -> int:
        if await connection.fetchval(q.LOCK, ADVISORY, self._key):
            return await connection.fetchval(q.TAKE)
        taken = 0
        if self._lease_s:
            taken = await connection.fetchval(q.PUT_OUT, self._lease_s)
        if not taken:
            raise StoreBusyError(
                f"The PostgreSQL ledger {self._place} is open in another process.",
                f"One process at a time serves it: end the other, or give another {self.option}.",
            )
        if not await self._free(connection, 0):
            raise StoreBusyError(
                f"The process that had the PostgreSQL ledger {self._place} cannot be put out.",
                "End it, or let both connect as the same user.",
            )
        return taken

    async def _lock_again(self, connection: Connection) -> None:
        if await connection.fetchval(q.GENERATION) != self.generation:
            raise self.lost()
        free = await connection.fetchval(q.LOCK, ADVISORY, self._key)
        if not free:  # perhaps the server has not noticed yet that the last session is gone
            free = await self._free(connection, self._pid)
        if not free or await connection.fetchval(q.GENERATION) != self.generation:
            raise self.lost()

    async def _free(self, connection: Connection, pid: int) -> bool:
        """End the session that has the lock (0: whoever's) and take it; whether that went well."""
        await connection.fetch(q.END_SESSIONS, ADVISORY, self._key, pid)
        pauses = Pauses(_ENDING_S)
        while not await connection.fetchval(q.LOCK, ADVISORY, self._key):
            if not await pauses.wait():
                return False
        return True
