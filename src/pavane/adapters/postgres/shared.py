"""Results of a service whose processes share them: they do tasks for a server, and play no role."""

from __future__ import annotations

from pavane.adapters.postgres.connection import translate
from pavane.adapters.postgres.counters import PostgresLedgerCounters
from pavane.adapters.postgres.ledger import SCHEMA, PostgresLedger
from pavane.adapters.postgres.migrate import bring_up_to_date, migrations
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.pool import Pool
from pavane.adapters.postgres.results import PostgresResults
from pavane.errors import PavaneError, StoreError


class SharedResults:
    """A ledger in PostgreSQL as far as results go. Any number of processes may have it open.

    The tables are those of the ledger, which one process may serve beside it.
    """

    def __init__(self, url: str, *, schema: str = SCHEMA) -> None:
        self.url = url
        self.place = place_of(url, schema)
        self.counters = PostgresLedgerCounters()
        self.results = PostgresResults(self.place, self.counters, self._never)

    async def open(self) -> None:
        """Bring the schema up to date, begin. StoreVersionError, StoreError."""
        pool = Pool(self.place, 1)
        try:
            async with pool.lent() as connection:
                known, option = migrations("ledger"), PostgresLedger.option
                await bring_up_to_date(connection, self.place, known, option)
            await self.results.open(0)
        except PavaneError:
            raise
        except Exception as error:
            raise translate(error, self.place, PostgresLedger.option) from error
        finally:
            await pool.close()

    async def close(self) -> None:
        """Wait for commits under way; what is still lent is let go of, and undone."""
        await self.results.close()

    def _never(self) -> StoreError:
        raise AssertionError("nobody is put out of what is shared")
