"""The use case of moving an execution to another version of its workflow, or of only asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from pavane.core.decide.fitting import begun, misfits, standing
from pavane.core.decide.nodes import UNDO
from pavane.core.decide.plan import Plan
from pavane.core.model.fact import Fact, MoveRequested
from pavane.core.model.rows import Header, Key, TaskRow
from pavane.engine.registry import Registry
from pavane.engine.views.shapes import Misfit, MoveView
from pavane.errors import ConflictError, NotFoundError
from pavane.ports.store import Snapshot, Store


async def move(
    store: Store,
    registry: Registry,
    submit: Callable[[str, Fact], Awaitable[object]],
    execution_id: str,
    version: int | None,
    *,
    dry_run: bool,
) -> MoveView:
    """Let an execution go on by a version, the newest unless one is named; once is enough.

    NotFoundError; ConflictError, with the steps, where its past does not fit. `dry_run`: only say.
    """
    async with store.snapshot() as snapshot:
        header = await snapshot.header(execution_id)
        if header is None:
            raise NotFoundError(
                f"No such workflow found by id: {execution_id}.",
                "Look at `pavane list` for those there are.",
            )
        hash = _target(registry, header, version)
        target = await registry.plan(hash)
        reasons: list[Misfit] = []
        if dry_run and hash != header.definition:
            plan = await registry.plan(header.definition)
            reasons = await _reasons(snapshot, header, plan, target)
    moved = False
    if not dry_run:
        moved = bool(await submit(execution_id, MoveRequested(hash)))
    return MoveView(
        id=execution_id,
        workflow=header.workflow,
        before=header.version,
        version=target.workflow.version,
        fits=not reasons,
        moved=moved,
        reasons=reasons,
    )


def _target(registry: Registry, header: Header, version: int | None) -> str:
    if header.parent_id and not registry.versions(header.workflow):
        raise ConflictError(
            f"Execution {header.id} is a part of {header.parent_id} that is written in place, so "
            "it has no versions.",
            f"Move {header.parent_id}: what of it has not begun follows the new version.",
        )
    return registry.find(header.workflow, version)


async def _reasons(snapshot: Snapshot, header: Header, plan: Plan, target: Plan) -> list[Misfit]:
    if why := standing(header):
        return [Misfit("", why)]
    rows = Seen(await snapshot.tasks(header.id))
    return [Misfit(*each) for each in misfits(plan, target, header, begun(plan, rows))]


class Seen:
    """Rows of an execution that are all at hand: of each step the newest attempt."""

    def __init__(self, tasks: Collection[TaskRow]) -> None:
        self._newest: dict[str, TaskRow] = {}
        for row in tasks:
            if not row.ref.startswith(UNDO):
                known = self._newest.get(row.ref)
                if known is None or known.attempt < row.attempt:
                    self._newest[row.ref] = row

    def require(self, keys: Collection[Key]) -> None:
        """All there are were read."""

    def task(self, ref: str) -> TaskRow | None:
        """The newest attempt at a step."""
        return self._newest.get(ref)
