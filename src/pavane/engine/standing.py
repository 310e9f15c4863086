"""Where the executions of a version stand, and which of them could go on by another one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from pavane.core.decide.fans import DYNAMIC_FORK, decode_made
from pavane.core.decide.fitting import begun, misfits, standing
from pavane.core.decide.nodes import parted
from pavane.core.decide.plan import Plan
from pavane.core.model import status
from pavane.core.model.rows import Header, TaskRow
from pavane.engine.moving import Seen
from pavane.engine.registry import Registry
from pavane.engine.views.shapes import StandingGroup, StandingView
from pavane.ports.store import Search, Snapshot, Store

LOOKED_AT_MAX: Final = 2_000  # executions, the newest ones
_PAGE: Final = 200
_EXAMPLES: Final = 3
_ALIVE: Final = (status.RUNNING, status.PAUSED, status.COMPENSATING, status.NEEDS_ATTENTION)
_STRUCTURE: Final = frozenset({"JOIN", "FORK_JOIN", DYNAMIC_FORK, "DO_WHILE"})


async def standing_of(
    store: Store, registry: Registry, workflow: str, version: int | None, to: int | None
) -> StandingView:
    """The executions by a version that have not ended, counted by where they stand.

    With `to`, apart by whether they could be moved there. NotFoundError for versions unknown here.
    """
    hash = registry.find(workflow, version)
    chosen = (await registry.plan(hash)).workflow.version
    target = await registry.plan(registry.find(workflow, to)) if to is not None else None
    groups: dict[tuple[object, ...], StandingGroup] = {}
    count, more = 0, False
    async with store.snapshot() as snapshot:
        async for header in _alive(snapshot, workflow):
            if header.version != chosen:
                continue
            if count >= LOOKED_AT_MAX:
                more = True
                break
            count += 1
            plan = await registry.plan(header.definition)
            found = await _group(snapshot, header, plan, target)
            key = (tuple(found.at), found.status, found.fits, found.reason)
            if key in groups:
                groups[key].count += 1
                groups[key].examples += found.examples[: _EXAMPLES - len(groups[key].examples)]
            else:
                groups[key] = found
    ordered = sorted(groups.values(), key=lambda each: (-each.count, each.at, each.reason))
    return StandingView(workflow, chosen, to, count, more, ordered)


async def _alive(snapshot: Snapshot, workflow: str) -> AsyncIterator[Header]:
    before = ""
    while True:
        wanted = Search(workflow=workflow, statuses=_ALIVE, before=before, limit=_PAGE)
        page = await snapshot.search(wanted)
        for header in page:
            yield header
        if len(page) < _PAGE:
            return
        before = page[-1].id


async def _group(
    snapshot: Snapshot, header: Header, plan: Plan, target: Plan | None
) -> StandingGroup:
    tasks = await snapshot.tasks(header.id)
    rows = begun(plan, Seen(tasks))
    group = StandingGroup(_open(plan, tasks), header.status, 1, examples=[header.id])
    if target is not None and target.hash != plan.hash:
        group.reason = standing(header)
        if not group.reason:
            wrong = misfits(plan, target, header, rows)
            group.reason = f"{wrong[0][0]}: {wrong[0][1]}" if wrong else ""
        group.fits = not group.reason
    elif target is not None:
        group.fits = True
    return group


def _open(plan: Plan, rows: Iterable[TaskRow]) -> list[str]:
    """The steps that are open, without the numbers of iterations and what only holds others.

    For a branch that was made at run time stands the fork that made it.
    """
    found = {
        parted((row.branch and decode_made(row.branch).fork) or row.ref, plan.nodes)[0]
        for row in rows
        if row.status in status.OPEN and row.type not in _STRUCTURE
    }
    return sorted(found)
