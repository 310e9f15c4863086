"""What is asked for most, by those who wait: where an execution stands, and what came of it.

On a store for this process a snapshot is at hand. One that others use too is behind a network, and
those who wait are many: they are answered together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pavane.core.model.rows import Header, Key
from pavane.core.model.status import ENDED
from pavane.engine.gathering import Gathered
from pavane.ports.store import Store

_Result = tuple[Header | None, bytes | None]

_OUTPUT: Final[frozenset[Key]] = frozenset({("value", "output")})


class Glance:
    """Headers, and outputs of executions that have ended, as they are when they are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_shared = store.members is not None
        self._headers = Gathered(self._load_headers)
        self._results = Gathered(self._load_results)

    async def header(self, execution_id: str) -> Header | None:
        """Where it stands; None when there is none."""
        if self._is_shared:
            return await self._headers.get(execution_id)
        async with self._store.snapshot() as snapshot:
            return await snapshot.header(execution_id)

    async def result(self, execution_id: str) -> _Result:
        """The same, and its output where it has ended, in one state."""
        if self._is_shared:
            return await self._results.get(execution_id)
        async with self._store.snapshot() as snapshot:
            header = await snapshot.header(execution_id)
            if header is None or header.status not in ENDED:
                return header, None
            return header, await snapshot.value(execution_id, "output")

    async def _load_headers(self, ids: Collection[str]) -> dict[str, Header | None]:
        loaded = await self._store.load(dict.fromkeys(ids, frozenset[Key]()))
        return {id: rows.header for id, rows in loaded.items()}

    async def _load_results(self, ids: Collection[str]) -> dict[str, _Result]:
        loaded = await self._store.load(dict.fromkeys(ids, _OUTPUT))
        return {
            id: (
                rows.header,
                rows.values["output"] if rows.header and rows.header.status in ENDED else None,
            )
            for id, rows in loaded.items()
        }
