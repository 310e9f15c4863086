"""What is over in the memory store: families that go at once, with all that they wrote."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice

from pavane.adapters.memory.rows import Tables
from pavane.core.model.ids import first_at
from pavane.core.model.rows import Header
from pavane.core.model.status import ENDED


class MemoryPast:
    """Keeps the promises of `ports.past`; `tables` gives the rows while the store is open."""

    def __init__(self, tables: Callable[[], Tables]) -> None:
        self._tables = tables

    async def over(self, before: int, after: str, limit: int) -> tuple[list[str], str]:
        """Looks at the next executions by id."""
        executions, end = self._tables().executions, first_at(before)
        seen = list(islice((i for i in sorted(executions) if after < i < end), limit))
        found = [i for i in seen if _is_over(executions[i].header, before)]
        return [i for i in found if not executions[i].header.parent_id], (
            seen[-1] if len(seen) == limit else ""
        )

    async def forget(self, ids: Collection[str], before: int, *, wipe: bool = False) -> set[str]:
        """All that is over goes."""
        tables = self._tables()
        children: dict[str, list[str]] = {}
        for rows in tables.executions.values():
            children.setdefault(rows.header.parent_id, []).append(rows.header.id)
        gone: set[str] = set()
        for id in set(ids) & set(children.get("", ())):
            family = [id]
            for each in family:
                family += children.get(each, ())
            if all(_is_over(tables.executions[each].header, before) for each in family):
                tables.forget(family)
                gone.add(id)
        return gone

    async def sweep(self, limit: int) -> int:
        """Nothing was left."""
        self._tables()
        return 0

    async def prepare(self, now: int, keep_ms: int) -> None:
        """Nothing has to be made ready."""
        self._tables()


def _is_over(header: Header, before: int) -> bool:
    return header.status in ENDED and header.ended_at < before
