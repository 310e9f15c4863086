"""Task rows, one per attempt, become steps, one per reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import structs

from pavane.core.decide.branches import by_fork
from pavane.core.model import status as st
from pavane.core.model.rows import PROGRESS, TaskRow
from pavane.engine.views.assembled import Assembled, shown_input
from pavane.engine.views.shapes import NULL, UNDONE, AttemptView, StepView

UNDO_PREFIX = "undo:"


def step_views(
    rows: Sequence[TaskRow], assembled: Assembled, values: Mapping[str, bytes] = {}
) -> list[StepView]:
    """The steps of an execution from its task rows, which come by seq, and its values."""
    attempts: dict[str, list[TaskRow]] = {}
    for row in rows:
        attempts.setdefault(row.ref, []).append(row)
    for of_step in attempts.values():
        of_step.sort(key=lambda row: row.attempt)
    newest = {ref: of_step[-1] for ref, of_step in attempts.items()}
    outputs = {ref: row.output for ref, row in newest.items()}
    branches = by_fork(newest.values())
    forks = {ref: fork for fork, refs in branches.items() for ref in refs}
    return [
        structs.replace(
            _step(
                of_step,
                newest.get(UNDO_PREFIX + ref),
                assembled.output(newest[ref], outputs, branches),
            ),
            input=raw(shown_input(newest[ref], branches)),
            fork=forks.get(ref, ""),
            progress=_progress(newest[ref], values),
        )
        for ref, of_step in attempts.items()
    ]


class _Told(msgspec.Struct):
    """What an attempt told last (core/decide/tasks.py)."""

    attempt: int
    value: msgspec.Raw


def _progress(row: TaskRow, values: Mapping[str, bytes]) -> msgspec.Raw:
    """How far an attempt is that goes on; null where it has not said."""
    body = values.get(PROGRESS + row.ref) if row.status == st.IN_PROGRESS else None
    if body is None:
        return NULL
    told = msgspec.json.decode(body, type=_Told)
    return msgspec.Raw(bytes(told.value)) if told.attempt == row.attempt else NULL


def raw(body: bytes) -> msgspec.Raw:
    """Stored JSON for a view; nothing stored shows as null."""
    return msgspec.Raw(body) if body else NULL


def _step(attempts: Sequence[TaskRow], undo: TaskRow | None, output: bytes) -> StepView:
    first, last = attempts[0], attempts[-1]
    undone = undo is not None and undo.status == st.COMPLETED and last.status in st.SUCCESSFUL
    return StepView(
        ref=last.ref,
        task=last.name,
        service=last.service,
        type=last.type,
        status=UNDONE if undone else last.status,
        attempts=len(attempts),
        reason=last.reason,
        undo=undo.status if undo else "",
        undoes=last.ref.removeprefix(UNDO_PREFIX) if last.ref.startswith(UNDO_PREFIX) else "",
        child_id=last.child_id,
        worker=last.worker,
        scheduled_at=first.scheduled_at,
        started_at=first.started_at,
        ended_at=last.ended_at,
        output=raw(output),
        earlier=[_attempt(row) for row in attempts[:-1]],
    )


def _attempt(row: TaskRow) -> AttemptView:
    return AttemptView(
        attempt=row.attempt + 1,
        status=row.status,
        reason=row.reason,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
