"""PostgreSQL stores that are wrong in one way each, and right otherwise."""

from pavane.adapters.postgres import queries as q
from pavane.adapters.postgres import routine
from pavane.adapters.postgres.connection import Connection
from pavane.adapters.postgres.pool import Pauses
from pavane.adapters.postgres.snapshot import PostgresSnapshot
from pavane.adapters.postgres.writer import Writer


class TakesItForUndone(Writer):
    """A commit whose answer was lost is made again, whatever became of it."""

    async def _has_happened(self, pauses: Pauses) -> bool:
        self._name = ""
        return False


class TakesItForDone(Writer):
    """A commit whose answer was lost is told as won, whatever became of it."""

    async def _has_happened(self, pauses: Pauses) -> bool:
        return True


class KeepsItsName(Writer):
    """Looks whether a commit has happened, and does not keep it from happening later."""

    async def _has_happened(self, pauses: Pauses) -> bool:
        async with self._pool.lent() as connection:
            rows = await connection.fetch(q.FIND_WRITER, [self._name])
        happened = rows[0][1] == self._number + 1
        if not happened:
            self._name = ""
        return happened


class Unfenced(Writer):
    """Writes what it can and does not look whether that was all."""

    async def _prepare(self, connection: Connection) -> None:
        await super()._prepare(connection)
        await connection.execute("DROP FUNCTION pg_temp.pavane_write; " + _WITHOUT_LOSERS)


_BEFORE, _, _BODY = routine.MAKE.partition("CREATE FUNCTION")
_WITHOUT_LOSERS = "CREATE FUNCTION" + _BODY.replace("IF done <> ", "IF false AND done <> ").replace(
    "COMMIT", ""
)


class ReadsAhead(PostgresSnapshot):
    """Gives the log as it stands, with gaps that are filled later."""

    async def _complete_before(self) -> int:
        return 1 << 62


class ReadsBehind(PostgresSnapshot):
    """Waits for everybody who writes anything on the server."""

    async def _complete_before(self) -> int:
        base, unseen = (await self._rows(q.IN_PROGRESS))[0]
        return (min(unseen) + base) << q.PLACES if unseen else 1 << 62
