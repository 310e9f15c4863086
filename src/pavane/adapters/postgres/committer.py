"""The one connection through which a store or a ledger commits: batches out, losers back.

The table `writer` has a row for each process that writes, with the number of its last commit, which
goes up in the commit itself. So when a connection is lost in the middle of one, the row tells
whether it has happened; and as its name is changed in the same breath where it has not, a call that
was still on its way finds nothing to go up, and fails. What the caller is told is the truth.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres import routine
from pavane.adapters.postgres.connection import (
    Connection,
    is_gone,
    is_refusal,
    state_of,
    translate,
)
from pavane.adapters.postgres.place import Place
from pavane.adapters.postgres.pool import PATIENCE_S, Pauses, Pool
from pavane.errors import LeaseLostError, PavaneError, StoreError

DOUBT_S: Final = 600.0
"""How long a commit waits for a server that went away in the middle of it."""

_TOGETHER: Final = 3  # tries of a batch without its losers, before its parts go one by one
_TRIES: Final = 20  # of one call, when the server asks for another try
_AGAIN: Final = frozenset({"40001", "40P01", routine.FENCED})  # it was not done, and may be now


Part = TypeVar("Part")


class Counted(Protocol):
    """What is counted of every commit."""

    statements: int
    round_trips: int
    commits: int


class Batch(Protocol):
    """Rows for one call."""

    @property
    def rows(self) -> tuple[object, ...]:
        """The parameters of the call, behind those about the writer."""
        ...

    def __bool__(self) -> bool: ...

    def clean(self, state: str) -> bool:
        """Whether another try may pass after an error with this state: something was mended."""
        ...

    def written(self) -> None:
        """They have been."""
        ...


class Committer(ABC, Generic[Part]):
    """Commits, one after the other. A subclass says what a batch is, and what the server calls."""

    option: ClassVar[str] = "--store"
    sql: ClassVar[str]  # of the call: the writer's name, the commit's number, a number, and rows

    def __init__(self, place: Place, counters: Counted) -> None:
        self._place = place
        self._counters = counters
        self._pool = Pool(place, 1, self._prepare)
        self._turn = asyncio.Lock()
        self._name = ""  # in the table `writer`; "": not yet, or no more
        self._number = 0  # of the last commit
        self._broken: StoreError | None = None

    # --- what a subclass says -------------------------------------------------------------------

    @abstractmethod
    async def _prepare(self, connection: Connection) -> None:
        """A new connection: make what commits call."""

    @abstractmethod
    def _pack(self, parts: Sequence[Part]) -> Batch:
        """The rows of a batch."""

    @abstractmethod
    async def _losers(self, connection: Connection, parts: Sequence[Part]) -> set[int]:
        """The indexes of the parts that lose, as the rows stand now; in two round trips.

        What needs more of them counts these.
        """

    @abstractmethod
    def _fence(self) -> int:
        """The number that goes with each call."""

    def _refused(self, state: str) -> StoreError | None:
        """The error for a state by which the routine refuses to write at all."""
        return None

    # --- what everybody does --------------------------------------------------------------------

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

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """Nothing is committed meanwhile."""
        async with self._turn:
            yield

    async def write(self, parts: Sequence[Part]) -> set[int]:
        """Commit the parts; returns the indexes of those that lost. PavaneError."""
        async with self._turn:
            if not parts:
                await self._put(parts)
            lost: set[int] = set()
            for _ in range(_TOGETHER):
                left = [index for index in range(len(parts)) if index not in lost]
                if not left or await self._put([parts[index] for index in left]):
                    return lost
                # Rare, so that the common case pays nothing for it.
                lost |= {left[index] for index in await self._judge([parts[i] for i in left])}
            for index, part in enumerate(parts):
                if index not in lost and not await self._put([part]):
                    lost.add(index)
            return lost

    async def _judge(self, parts: Sequence[Part]) -> set[int]:
        async def look(connection: Connection) -> set[int]:
            self._counters.statements += 2
            self._counters.round_trips += 2
            return await self._losers(connection, parts)

        return await self._pool.run(look)

    async def _put(self, parts: Sequence[Part]) -> bool:
        """Write them all; False when one loses, and then nothing was written."""
        packed = self._pack(parts)
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
                packed.written()
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
            except PavaneError:
                raise
            except Exception as error:  # tried again, or translated
                if not is_gone(error) or not await pauses.wait():
                    raise translate(error, self._place, self.option) from error
            else:
                return connection

    async def _call(self, connection: Connection, packed: Batch, pauses: Pauses) -> bool | None:
        """Whether the batch has won; None: it was not written, and another try is worth it."""
        self._counters.statements += 1
        self._counters.round_trips += 1
        writer = (self._name, self._number + 1, self._fence())
        try:
            await connection.fetch(self.sql, *writer, *packed.rows)
        except BaseException as error:
            self._pool.take_back(connection, error)
            state = state_of(error)
            if state == routine.LOST:
                return False
            if (refused := self._refused(state)) is not None:
                raise refused from error
            if state == routine.FENCED:
                self._name = ""
            if state in _AGAIN or packed.clean(state):
                return None
            if not isinstance(error, Exception):
                raise
            if is_refusal(error):
                raise translate(error, self._place, self.option) from error
            if await self._has_happened(pauses):
                return True
            if is_gone(error):
                return None
            raise translate(error, self._place, self.option) from error
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
            except LeaseLostError:
                raise  # whoever serves it now knows what has happened
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
