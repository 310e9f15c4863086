"""How a store commits units."""

from __future__ import annotations

from collections.abc import Sequence

from pavane.adapters.bounding import Room, bounded
from pavane.adapters.judging import losers
from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres import routine
from pavane.adapters.postgres.committer import Committer
from pavane.adapters.postgres.connection import Connection
from pavane.adapters.postgres.counters import PostgresCounters
from pavane.adapters.postgres.packing import Packed, pack
from pavane.adapters.postgres.place import Place
from pavane.ports.store import Unit


class Writer(Committer[Unit]):
    """Commits units, one batch after the other."""

    sql = routine.CALL

    def __init__(self, place: Place, counters: PostgresCounters) -> None:
        super().__init__(place, counters)
        self._totals = counters
        self._base = 0  # see queries.LOG_BASE

    def _pack(self, parts: Sequence[Unit]) -> Packed:
        return pack(parts, self._totals)

    def _fence(self) -> int:
        return self._base

    async def _losers(self, connection: Connection, parts: Sequence[Unit]) -> set[int]:
        headers = [change.header for unit in parts for change in unit.changes]
        asked = [header.start_key for header in headers if header.key]
        columns = [key[0] for key in asked], [key[1] for key in asked]
        ids = list({header.id for header in headers})
        revisions = await connection.fetch(q.FIND_REVISIONS, ids)
        taken = await connection.fetch(q.FIND_KEYS, *columns)
        keys = {(row[0], row[1]): row[2] for row in taken}
        room: Room | None = None
        if names := bounded(parts):
            self._totals.statements += 1
            self._totals.round_trips += 1
            found = await connection.fetch(q.FIND_ROOM, sorted(names))
            paces = {row[0]: row[2] for row in found if row[2] is not None}
            room = Room({row[0]: row[1] for row in found}, paces)
        return losers(parts, {row[0]: row[1] for row in revisions}, keys, room)

    async def _prepare(self, connection: Connection) -> None:
        """Make what commits call, and see how transactions are counted."""
        await connection.execute(routine.MAKE)
        self._base = await raise_log_base(connection)


async def raise_log_base(connection: Connection) -> int:
    """What is added to a transaction's number, so that positions to come are behind all there are.

    Those there are may come from another server, or another database.
    """
    base, last, following = (await connection.fetch(q.LOG_BASE))[0]
    if last is not None and last >> q.PLACES >= following + base:
        beyond = (last >> q.PLACES) + 1 - following
        base = await connection.fetchval(q.RAISE_LOG_BASE, beyond)
    return base
