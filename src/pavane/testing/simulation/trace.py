"""What a simulation leaves behind, as plain data: rows, log, definitions, and what was seen."""

from __future__ import annotations

from typing import Any

import msgspec

from pavane.core.model.rows import Header
from pavane.ports.store import Search, Store
from pavane.testing.simulation.case import Case
from pavane.testing.simulation.outside import Outside, Seen

Json = dict[str, Any]


class ExecutionTrace(msgspec.Struct):
    """One execution: rows as dictionaries, the log as (position, at, entries)."""

    header: Json
    tasks: list[Json]
    ready: list[Json]
    values: Json
    log: list[tuple[int, int, list[Json]]]


class Trace(msgspec.Struct):
    """A whole case; nothing in it is the engine's own object."""

    seed: int
    ended_at: int
    definitions: dict[str, Json]  # by content hash
    tasks: dict[str, Json]  # task definitions by name
    executions: dict[str, ExecutionTrace]
    record: list[Seen]
    actions: list[Json]
    notes: list[tuple[int, str]]
    absent_people: bool = False
    full: bool = False  # for a while the store had no room


async def collect(case: Case, store: Store, outside: Outside, ended_at: int) -> Trace:
    """Read everything from an open store."""
    async with store.snapshot() as seen:
        headers = sorted(await seen.search(Search(limit=10_000)), key=lambda h: h.id)
        executions: dict[str, ExecutionTrace] = {}
        for header in headers:
            executions[header.id] = ExecutionTrace(
                header=_plain(header),
                tasks=[_plain(row) for row in await seen.tasks(header.id)],
                ready=[_plain(row) for row in await seen.ready(header.id)],
                values={n: _json(b) for n, b in (await seen.values(header.id)).items()},
                log=[
                    (e.position, e.at, msgspec.json.decode(e.entries))
                    for e in await seen.log(header.id)
                ],
            )
    hashes = {trace.header["definition"] for trace in executions.values()}
    definitions = {h: _json(await store.definition(h) or b"null") for h in sorted(hashes)}
    tasks = {name: _json(body) for name, body in (await store.task_definitions()).items()}
    return Trace(
        seed=case.seed,
        ended_at=ended_at,
        definitions=definitions,
        tasks=tasks,
        executions=executions,
        record=outside.record,
        actions=outside.actions,
        notes=outside.notes,
        absent_people=case.absent_people,
        full=case.full != (0, 0),
    )


def _plain(row: Header | msgspec.Struct) -> Json:
    found = msgspec.structs.asdict(row)
    for name in ("input", "output"):
        if name in found:
            found[name] = _json(found[name]) if found[name] else None
    return found


def _json(body: bytes) -> Any:
    return msgspec.json.decode(body)
