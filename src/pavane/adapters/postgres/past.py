"""What is over in a PostgreSQL store: headers go first, the rows behind them piece by piece."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pavane.adapters.postgres import past_queries as q
from pavane.adapters.postgres.keys import Fetch
from pavane.core.model.ids import first_at
from pavane.core.model.status import ENDED

_ENDED: Final = sorted(ENDED)


class PostgresPast:
    """Keeps the promises of `ports.past`; one statement each. Processes may do so side by side."""

    def __init__(self, read: Fetch, write: Fetch) -> None:
        self._read = read
        self._write = write

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        """Looks at the next executions by id."""
        rows = await self._read(q.OVER, _ENDED, before, after, first_at(before), limit)
        return [row[0] for row in rows if row[1]], rows[-1][0] if len(rows) == limit else ""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        """Headers go, and what waits."""
        rows = await self._write(q.FORGET, _ENDED, before, sorted(set(ids)))
        return {row[0] for row in rows}

    async def sweep(self, limit: int) -> int:
        """The rows behind the headers that went, the oldest first, besides what others sweep."""
        [(swept,)] = await self._write(q.SWEEP, limit)
        return swept

    async def prepare(self, now: int, keep_ms: int) -> None:
        """Nothing has to be made ready: what is free in tables is used again."""
