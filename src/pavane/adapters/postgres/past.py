"""What is over in a PostgreSQL store: headers go first, the rows behind them later.

They go with their span where they are in one (spans.py), or else piece by piece.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pavane.adapters.postgres import past_queries as q
from pavane.adapters.postgres.keys import Fetch
from pavane.adapters.postgres.spans import Run, Spans
from pavane.core.model.ids import first_at
from pavane.core.model.status import ENDED

_ENDED: Final = sorted(ENDED)
_BEHIND_ALL: Final = "\U0010ffff"


class PostgresPast:
    """Keeps the promises of `ports.past`. Processes may do all of it side by side."""

    def __init__(self, read: Fetch, write: Fetch, run: Run) -> None:
        self._read = read
        self._write = write
        self._spans = Spans(run)
        self._gaps: tuple[list[str], list[str]] | None = None  # ids in no span: from, and until
        self._wiped: set[str] = set()

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        """Looks at the next executions by id."""
        rows = await self._read(q.OVER, _ENDED, before, after, first_at(before), limit)
        return [row[0] for row in rows if row[1]], rows[-1][0] if len(rows) == limit else ""

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        """Headers go, and what waits."""
        rows = await self._write(q.FORGET, _ENDED, before, sorted(set(ids)))
        if wipe:
            self._wiped.update(row[1] for row in rows)
        return {row[0] for row in rows}

    async def sweep(self, limit: int) -> int:
        """The rows behind headers that went, the oldest first, besides what others sweep.

        What is to be wiped in a span is known to this process alone: else it goes with the span.
        """
        if self._gaps is None:
            await self._look()
        wiped = sorted(self._wiped)
        [(swept,)] = await self._write(q.SWEEP, limit, wiped, *(self._gaps or ()))
        if not swept:
            self._wiped.difference_update(wiped)  # others may have come meanwhile
        return swept

    async def prepare(self, now: int, keep_ms: int) -> None:
        """Spans come and go."""
        await self._spans.keep_up(now, keep_ms)
        await self._look()

    async def _look(self) -> None:
        since, until = [""], list[str]()
        for span in await self._spans.found():
            first, behind = span.ids
            until.append(first)
            since.append(behind)
        self._gaps = since, [*until, _BEHIND_ALL]
