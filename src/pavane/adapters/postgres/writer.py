"""The one connection through which a store commits: batches out, winners and losers back.

The table `writer` has a row for each process that writes, with the number of its last commit, which
goes up in the commit itself. So when a connection is lost in the middle of one, the row tells
whether it has happened; and as its name is changed in the same breath where it has not, a call that
was still on its way finds nothing to go up, and fails. What the caller is told is the truth.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pavane.adapters.judging import losers
from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres import routine
from pavane.adapters.postgres.connection import (
    Connection,
    is_gone,
    is_refusal,
    state_of,
    translate,
)
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.adapters.postgres.packing import Packed, pack
from pavane.adapters.postgres.place import Place
from pavane.adapters.postgres.pool import PATIENCE_S, Pauses, Pool
from pavane.errors import StoreError
from pavane.ports.store import Unit

DOUBT_S: Final = 600.0
"""How long a commit waits for a server that went away in the middle of it."""

_TOGETHER: Final = 3  # tries of a batch without its losers, before its units go one by one
_TRIES: Final = 20  # of one call, when the server asks for another try
_AGAIN: Final = frozenset({"40001", "40P01", routine.FENCED})  # it was not done, and may be now


class Writer:
    """Commits, one after the other."""

    def __init__(self, place: Place, counters: PostgresCounters) -> None:
        self._place = place
        self._counters = counters
        self._pool = Pool(place, 1, self._prepare)
        self._turn = asyncio.Lock()
        self._name = ""  # in the table `writer`; "": not yet, or no more
        self._number = 0  # of the last commit
        self._base = 0  # see queries.LOG_BASE
        self._broken: StoreError | None = None

    async def open(self) -> None:
        """Connect. Raises what the driver raises."""
        async with self._pool.lent() as connection:
            await connection.execute(q.FORGET_WRITERS)

    async def close(self) -> None:
        """Wait for the commit under way, and leave no row behind."""
        async with self._turn:
            if self._name and not self._broken:
                with suppress(Exception):  # it is only tidying; who cannot is tidied up after
                    async with asyncio.timeout(1.0), self._pool.lent() as connection:
                        await connection.execute(q.FORGET_WRITER, self._name)
            self._name = ""
            await self._pool.close()

    def abandon(self) -> None:
        """Let go at once, as a process that dies. For tests."""
        self._broken = StoreError("The store died.", "Open another one.")
        self._pool.abandon()

    def pids(self) -> list[int]:
        """The server's processes behind the connections. For tests."""
        return self._pool.pids()

    async def write(self, units: Sequence[Unit]) -> set[int]:
        """Commit the units; returns the indexes of those that lost. PavaneError."""
        async with self._turn:
            lost: set[int] = set()
            for _ in range(_TOGETHER):
                left = [index for index in range(len(units)) if index not in lost]
                if not left or await self._put([units[index] for index in left]):
                    return lost
                # Rare, so that the common case pays nothing for it.
                lost |= {left[index] for index in await self._judge([units[i] for i in left])}
            for index, unit in enumerate(units):
                if index not in lost and not await self._put([unit]):
                    lost.add(index)
            return lost

    async def _judge(self, units: Sequence[Unit]) -> set[int]:
        """The indexes of the units that lose, as the rows stand now."""
        headers = [change.header for unit in units for change in unit.changes]
        asked = [header.start_key for header in headers if header.key]

        async def look(connection: Connection) -> set[int]:
            self._counters.statements += 2
            self._counters.round_trips += 2
            ids = list({header.id for header in headers})
            revisions = await connection.fetch(q.FIND_REVISIONS, ids)
            taken = await connection.fetch(q.FIND_KEYS, *_columns(asked))
            keys = {(row[0], row[1]): row[2] for row in taken}
            return losers(units, {row[0]: row[1] for row in revisions}, keys)

        return await self._pool.run(look)

    async def _put(self, units: Sequence[Unit]) -> bool:
        """Write them all; False when one loses, and then nothing was written."""
        packed = pack(units)
        if not packed:
            return True
        brief, long = Pauses(PATIENCE_S), Pauses(DOUBT_S)
        for _ in range(_TRIES):
            if self._broken is not None:
                raise self._broken
            connection = await self._connected(brief)
            wins = await self._call(connection, packed, long)
            if wins:
                self._number += 1
                self._counters.commits += 1
                packed.count(self._counters)
            if wins is not None:
                return wins
        raise StoreError(
            f"A batch could not be written to the PostgreSQL database {self._place}: others came "
            f"in between {_TRIES} times.",
            "Try again.",
        )

    async def _connected(self, pauses: Pauses) -> Connection:
        """The connection, and a row for this writer. Nothing of a batch has been sent yet."""
        while True:
            try:
                connection = await self._pool.take()
                if not self._name:
                    name = secrets.token_hex(8)
                    try:
                        await connection.execute(q.REGISTER, name)
                    except BaseException as error:
                        self._pool.take_back(connection, error)
                        raise
                    self._name, self._number = name, 0
            except Exception as error:  # tried again, or translated
                if not is_gone(error) or not await pauses.wait():
                    raise translate(error, self._place) from error
            else:
                return connection

    async def _call(self, connection: Connection, packed: Packed, pauses: Pauses) -> bool | None:
        """Whether the batch has won; None: it was not written, and another try is worth it."""
        self._counters.statements += 1
        self._counters.round_trips += 1
        writer = (self._name, self._number + 1, self._base)
        try:
            await connection.fetch(routine.CALL, *writer, *packed.rows)
        except BaseException as error:
            self._pool.take_back(connection, error)
            state = state_of(error)
            if state == routine.LOST:
                return False
            if state == routine.FENCED:
                self._name = ""
            if state in _AGAIN or packed.clean(state):
                return None
            if not isinstance(error, Exception):
                raise
            if is_refusal(error):
                raise translate(error, self._place) from error
            if await self._has_happened(pauses):
                return True
            if is_gone(error):
                return None
            raise translate(error, self._place) from error
        self._pool.give_back(connection)
        return True

    async def _has_happened(self, pauses: Pauses) -> bool:
        """Whether the commit behind the last one, whose answer was lost, has been made after all.

        Where not, it never will be. Waits for the server; StoreError when that takes too long.
        """
        old, new = self._name, secrets.token_hex(8)
        while True:
            try:
                async with self._pool.lent() as connection:
                    await connection.fetch(q.MOVE_WRITER, old, new, self._number)
                    found = {
                        row[0]: row[1] for row in await connection.fetch(q.FIND_WRITER, [old, new])
                    }
            except Exception as error:  # tried again, or given up
                if is_gone(error) and self._broken is None and await pauses.wait():
                    continue
                raise self._give_up() from error
            if new in found:
                self._name, self._number = new, 0
                return False
            if found.get(old) == self._number + 1:
                return True
            raise self._give_up()

    def _give_up(self) -> StoreError:
        if self._broken is None:
            self._broken = StoreError(
                f"The PostgreSQL database {self._place} went away in the middle of a commit, and "
                "whether that has happened could not be found out.",
                "Restart this server: what was committed is there.",
            )
        return self._broken

    async def _prepare(self, connection: Connection) -> None:
        """A new connection: make what commits call, and see how transactions are counted."""
        await connection.execute(routine.MAKE)
        base, last, following = (await connection.fetch(q.LOG_BASE))[0]
        if last is not None and last >> q.PLACES >= following + base:
            beyond = (last >> q.PLACES) + 1 - following
            base = await connection.fetchval(q.RAISE_LOG_BASE, beyond)
        self._base = base


def _columns(keys: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys]
