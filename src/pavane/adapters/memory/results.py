"""The results of tasks where the ledger is in memory: a SQLite database that is in memory too.

A task's function wants a database, whatever the ledger is; so that is what keeps its results here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from pavane.adapters.sqlite.counters import SqliteLedgerCounters
from pavane.adapters.sqlite.migrate import Migration, migrations
from pavane.adapters.sqlite.results import SqliteResults
from pavane.errors import UsageError
from pavane.ports.results import APSW

Check = Callable[[], None]


class MemoryResults(SqliteResults):
    """Made when it is first used. The checks raise when the ledger is not open, has no room."""

    def __init__(self, check_open: Check, check_room: Check) -> None:
        self.counters = SqliteLedgerCounters()
        super().__init__(":memory:", self.counters, threaded=False, flushing="OFF")
        self.checks = check_open, check_room

    def crash(self, check_open: Check, check_room: Check) -> MemoryResults:
        """What a new process would find; whoever is in a transaction of this one has lost it."""
        new = type(self)(check_open, check_room)
        if self._serving:
            self._die(new)
        return new

    def ensure_lends(self, asked: Collection[str]) -> None:
        """UsageError for whatever is no connection of apsw's."""
        for each in asked:
            if each != APSW:
                raise UsageError(
                    f"A function asks for {each}, and the ledger is in memory.",
                    "Use --ledger postgresql://USER@HOST:PORT/DATABASE; in tests as well.",
                )

    def _schema(self) -> list[Migration]:
        return migrations("ledger")

    async def _free(self) -> None:
        self.checks[0]()
        if not self._serving:
            await self.open()
        await super()._free()

    async def _end_transaction(self) -> None:
        try:
            self.checks[1]()
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        await super()._end_transaction()
