"""What waits for people in choreographed executions: every open HUMAN that a journal told of."""

from __future__ import annotations

from pavane.core.decide.step_types.human import HUMAN
from pavane.core.model import status as st
from pavane.engine.views.people import QuestionView, question_of
from pavane.observer.fold import Instance, Picture
from pavane.observer.steps import task_rows


def questions(picture: Picture, to: str = "", limit: int = 100) -> list[QuestionView]:
    """All of them, or those that `to` is asked, oldest first."""
    found = [
        question_of(row, _workflow(instance))
        for instance in picture.instances.values()
        if _asks(instance)
        for row in task_rows(instance)
        if row.type == HUMAN and row.status in st.OPEN
    ]
    found.sort(key=lambda each: (each.since, each.execution_id, each.ref))
    return [each for each in found if not to or to in each.to][:limit]


def _asks(instance: Instance) -> bool:
    """Whether it may: making rows of every step of everything takes longer than this look."""
    return not _ended(instance) and any(
        told.note.type == HUMAN and told.note.status in st.OPEN
        for attempts in instance.steps.values()
        for told in attempts.values()
    )


def _ended(instance: Instance) -> bool:
    return instance.told is not None and instance.told.note.status in st.ENDED


def _workflow(instance: Instance) -> str:
    return instance.told.note.workflow if instance.told else ""
