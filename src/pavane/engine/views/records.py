"""An execution as rows: for doors that show every attempt, in words of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import structs

from pavane.core.decide.branches import by_fork
from pavane.core.decide.roots import VIEWED
from pavane.core.model.rows import Header, TaskRow
from pavane.core.model.workflow import Workflow
from pavane.engine.views.assembled import Assembled, shown_input
from pavane.engine.views.attention import attention_views
from pavane.engine.views.shapes import AttentionView
from pavane.engine.views.steps import step_views
from pavane.errors import NotFoundError
from pavane.ports.store import Search, Snapshot, Store

SCAN_MAX = 20_000  # headers that one search looks at
_PAGE = 1000


class Record(NamedTuple):
    """One execution: its header, every attempt of every step by seq, its values, its definition."""

    header: Header
    tasks: Sequence[TaskRow]
    values: dict[str, bytes]
    workflow: Workflow
    attention: Sequence[AttentionView]


class Records:
    """Reads records from snapshots of a store; it holds nothing but what never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._definitions: dict[str, Workflow] = {}  # by content hash

    async def one(self, execution_id: str, *, tasks: bool = True) -> Record:
        """One execution, with its tasks if they are wanted; NotFoundError when there is none."""
        async with self._store.snapshot() as snapshot:
            header = await snapshot.header(execution_id)
            if header is None:
                raise NotFoundError(f"No such workflow found by id: {execution_id}")
            return await self._record(snapshot, header, tasks)

    async def of(self, headers: Sequence[Header], *, tasks: bool) -> list[Record]:
        """Those executions, as they are now."""
        async with self._store.snapshot() as snapshot:
            return [await self._record(snapshot, each, tasks) for each in headers]

    async def newest(self, execution_id: str, ref: str) -> tuple[Header, TaskRow | None] | None:
        """The header and the newest attempt of a step; None when there is no such execution."""
        found = (await self._store.load({execution_id: {("task", ref)}}))[execution_id]
        return (found.header, found.tasks.get(ref)) if found.header else None

    async def scan(self, wanted: Search, since: int = 0) -> tuple[list[Header], bool]:
        """Headers that fit, newest first, and whether that is all of them.

        `since` (epoch ms): what was created before is left out.
        """
        found: list[Header] = []
        async with self._store.snapshot() as snapshot:
            for _ in range(SCAN_MAX // _PAGE):
                page = await snapshot.search(structs.replace(wanted, limit=_PAGE))
                found += (each for each in page if each.created_at >= since)
                # An id is made a moment before the execution is: within a minute, at the latest.
                if len(page) < _PAGE or page[-1].created_at < since - 60_000:
                    return found, True
                wanted = structs.replace(wanted, before=page[-1].id)
        return found, False

    async def _record(self, snapshot: Snapshot, header: Header, tasks: bool) -> Record:
        workflow = await self._definition(header.definition)
        values = await snapshot.values(header.id)
        rows = await snapshot.tasks(header.id) if tasks else []
        parked = await snapshot.ready(header.id) if tasks and header.parked else []
        assembled = Assembled.of(workflow)
        attention = attention_views(header, step_views(rows, assembled), parked) if tasks else []
        newest = {row.ref: row.output for row in sorted(rows, key=lambda row: row.attempt)}
        branches = by_fork(rows)
        shown = [
            structs.replace(
                row,
                output=assembled.output(row, newest, branches),
                input=shown_input(row, branches),
            )
            if row.type in VIEWED or row.branch
            else row
            for row in rows
        ]
        return Record(header, shown, values, workflow, attention)

    async def _definition(self, hash: str) -> Workflow:
        found = self._definitions.get(hash)
        if found is None:
            body = await self._store.definition(hash)
            found = msgspec.json.decode(body, type=Workflow) if body else Workflow()
            self._definitions[hash] = found
        return found
