"""Executions as the orchestrator's store would show them, from what journals told."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from pavane.core.model import status as st
from pavane.core.model.journal import ScopeNote
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.core.projection.message import child_execution
from pavane.engine.views.assembled import Assembled
from pavane.engine.views.attention import attention_views
from pavane.engine.views.people import QuestionView
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, SetAsideView
from pavane.engine.views.steps import raw, step_views
from pavane.errors import NotFoundError
from pavane.observer import asking, flows
from pavane.observer.fold import Instance, Picture, Place
from pavane.observer.steps import (
    bodies,
    counting,
    given_up,
    joined,
    open_joins,
    shown_ref,
    task_rows,
)
from pavane.observer.stops import letter
from pavane.ports.store import Search

STYLE: Final = "choreographed"


class Views:
    """Reads a picture. Declared executions and hand-written flows look alike."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def execution(self, id: str) -> ExecutionView:
        """One execution, scope or flow with its steps; NotFoundError when none is known."""
        picture = self._picture
        if id in picture.instances:
            view = _execution(picture, picture.instances[id])
            return structs.replace(view, set_aside=self._set_aside(picture.instances[id].root))
        if id in picture.flows:
            view = flows.flow_view(picture, picture.flows[id])
            return structs.replace(view, set_aside=self._set_aside(id))
        raise NotFoundError(
            f"No journal has told of an execution '{id}'.",
            "The observer sees what was written since it, or the log that it reads, began.",
        )

    def _set_aside(self, id: str) -> list[SetAsideView]:
        found = [letter(each) for each in self._picture.stops.of(id)]
        return [msgspec.convert(each, SetAsideView, from_attributes=True) for each in found]

    def several(self, ids: Sequence[str]) -> list[ExecutionView]:
        """Those of the executions that are known, with their steps."""
        known = (each for each in ids if self.knows(each))
        return [self.execution(each) for each in known]

    def knows(self, id: str) -> bool:
        """Whether anything was told of an execution, scope or flow."""
        return id in self._picture.instances or id in self._picture.flows

    def status(self, id: str) -> str:
        """The status of an execution, "" when it is not known."""
        instance, flow = self._picture.instances.get(id), self._picture.flows.get(id)
        if instance is not None:
            return instance.told.note.status if instance.told else st.RUNNING
        return flows.status_of(self._picture, flow) if flow is not None else ""

    def executions(
        self, wanted: Search | None = None, *, behind: tuple[int, str] | None = None
    ) -> list[ExecutionSummary]:
        """The executions that fit, newest first (by their beginning, then by id).

        `behind`: only those that come after this beginning (ms) and id in that order.
        """
        wanted = wanted or Search()
        lines = sorted(self._lines(), key=_age, reverse=True)
        if behind is not None:
            lines = [each for each in lines if _age(each) < behind]
        if wanted.before:
            known = next((each for each in lines if each.id == wanted.before), None)
            lines = [each for each in lines if _is_before(each, known, wanted.before)]
        return [each for each in lines if _fits(each, wanted)][: wanted.limit]

    def questions(self, to: str = "", limit: int = 100) -> list[QuestionView]:
        """What waits for people, or for `to` alone, oldest first."""
        return asking.questions(self._picture, to, limit)

    def _lines(self) -> list[ExecutionSummary]:
        picture = self._picture
        headers = [_header(picture, each) for each in picture.instances.values()]
        headers = [
            each for each in headers if each.status
        ]  # others were cancelled before they began
        headers += [
            flows.header(picture, each)
            for each in picture.flows.values()
            if each.id not in picture.instances  # handlers beside a declared execution
        ]
        lines = [msgspec.convert(each, ExecutionSummary, from_attributes=True) for each in headers]
        return [structs.replace(each, style=STYLE) for each in lines]


def _execution(picture: Picture, instance: Instance) -> ExecutionView:
    rows = [*task_rows(instance), *open_joins(instance)]
    header = _header(picture, instance)
    assembled = Assembled(joined(instance), bodies(instance), counting=counting(instance))
    steps = step_views(rows, assembled)
    ready = [
        Ready(instance.id, ref, told.note.attempt, mark="parked")
        for ref, told in given_up(instance)
    ]
    note = instance.told.note if instance.told else None
    return structs.replace(
        msgspec.convert(header, ExecutionView, from_attributes=True),
        style=STYLE,
        input=raw(bytes(note.input) if note else b""),
        output=raw(bytes(note.output) if note else b""),
        variables=_variables(bytes(note.variables) if note else b"", rows),
        steps=steps,
        attention=attention_views(header, steps, ready),
    )


def _variables(body: bytes, rows: Sequence[TaskRow]) -> dict[str, msgspec.Raw]:
    """What the last SET_VARIABLE of each name wrote, over what was there at the beginning."""
    found = msgspec.json.decode(body or b"{}", type=dict[str, msgspec.Raw])
    for row in rows:
        if row.type == "SET_VARIABLE" and row.status == st.COMPLETED and row.input:
            with contextlib.suppress(msgspec.DecodeError):  # a note may say anything
                found |= msgspec.json.decode(row.input, type=dict[str, msgspec.Raw])
    return found


def _header(picture: Picture, instance: Instance) -> Header:
    told = instance.told
    attempts = [each for of_step in instance.steps.values() for each in of_step.values()]
    times = [each.note.time for each in attempts]
    if told is None:  # steps were told of, and its home was not heard yet
        return Header(
            id=instance.id,
            workflow="",
            version=0,
            definition="",
            status=st.RUNNING,
            created_at=min(each.began for each in attempts),
            updated_at=max(times),
        )
    note = told.note
    above = picture.instances.get(instance.root)
    inherited = above.told.note.correlation if above and above.told else ""
    return Header(
        id=instance.id,
        workflow=note.workflow,
        version=note.version,
        definition=note.definition,
        status=note.status,
        cause=note.cause,
        reason=note.reason,
        failed_ref=note.failed_ref,
        parent_id=_parent_id(note),
        parent_ref=_parent_ref(picture, note),
        key=note.key,
        correlation_id=note.correlation or inherited,
        created_at=told.began,
        updated_at=max([note.time, *times]),
        ended_at=told.stands_since if note.status in st.ENDED else 0,
        deadline_at=note.deadline,
    )


def _parent_id(note: ScopeNote) -> str:
    if not note.scope:
        return ""
    return child_execution(note.execution, note.parent, note.parent_generation)


def _parent_ref(picture: Picture, note: ScopeNote) -> str:
    """The step that the scope is, with its attempt: `ref#attempt`, as the orchestrator does."""
    if not note.scope:
        return ""
    place = Place(note.parent_ref, note.generation)
    parent = picture.instances.get(_parent_id(note))
    attempt = max(parent.steps.get(place, {0: None})) if parent else 0
    return f"{shown_ref(place, note.parent_generation)}#{attempt}"


def _age(line: ExecutionSummary) -> tuple[int, str]:
    return line.created_at, line.id


def _is_before(line: ExecutionSummary, mark: ExecutionSummary | None, id: str) -> bool:
    """Whether a line comes behind the one with the id, where a page ended; by id if unknown."""
    return _age(line) < _age(mark) if mark else line.id < id


def _fits(line: ExecutionSummary, wanted: Search) -> bool:
    return (
        wanted.workflow in ("", line.workflow)
        and (not wanted.statuses or line.status in wanted.statuses)
        and wanted.key in ("", line.key)
        and wanted.parent_id in (None, line.parent_id)
    )
