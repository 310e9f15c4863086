"""What waits for people: the steps that ask somebody, oldest first, with who is asked."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from pavane.core.decide.step_types.human import PEOPLE
from pavane.core.model import status as st
from pavane.core.model.rows import TaskRow
from pavane.engine.views.shapes import null
from pavane.engine.views.steps import raw
from pavane.ports.store import Store

LIMIT_MAX: Final = 1000
_LOOKED_AT_MAX: Final = 10_000  # when only somebody's own are wanted


class QuestionView(msgspec.Struct, frozen=True, rename="camel"):
    """A step that waits for a person; times are epoch milliseconds, 0 where there is none."""

    execution_id: str
    workflow: str
    ref: str
    task: str
    to: list[str]
    since: int
    deadline: int = 0
    input: msgspec.Raw = msgspec.field(default_factory=null)


class Questions(msgspec.Struct, frozen=True):
    """Steps that ask somebody, oldest first."""

    questions: list[QuestionView]


async def questions(store: Store, to: str = "", limit: int = 100) -> list[QuestionView]:
    """The steps that wait for people, or for `to` alone: those of the oldest executions first."""
    ready = await store.ready(PEOPLE, 0, _LOOKED_AT_MAX if to else limit)
    wanted: dict[str, set[tuple[str, str]]] = {}
    for each in ready:
        wanted.setdefault(each.execution_id, set()).add(("task", each.ref))
    loaded = await store.load(wanted) if wanted else {}
    found: list[QuestionView] = []
    for each in ready:
        rows = loaded[each.execution_id]
        row = rows.tasks.get(each.ref)
        if rows.header is None or row is None or row.status not in st.OPEN:
            continue  # it was settled a moment ago
        question = question_of(row, rows.header.workflow)
        if not to or to in question.to:
            found.append(question)
    return found[:limit]


def question_of(row: TaskRow, workflow: str) -> QuestionView:
    """What a step that waits asks."""
    return QuestionView(
        execution_id=row.execution_id,
        workflow=workflow,
        ref=row.ref,
        task=row.name,
        to=_asked(row),
        since=row.started_at,
        deadline=row.visible_at,
        input=raw(row.input),
    )


def _asked(row: TaskRow) -> list[str]:
    """Who is asked; what turned out to be no name is left out."""
    given: Any = msgspec.json.decode(row.input).get("to")
    names = cast("list[Any]", given) if isinstance(given, list) else [given]
    return [name for name in names if isinstance(name, str) and name]
