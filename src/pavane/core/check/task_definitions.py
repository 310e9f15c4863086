"""Refuses task definitions that could not be run as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pavane.core.check.policies import numbers
from pavane.core.expressions.template import compile_template
from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import ExpressionError


def check_tasks(tasks: Mapping[str, TaskDefinition]) -> list[str]:
    """Everything that is wrong with task definitions: one sentence each, with a way out."""
    return [text for name, task in tasks.items() for text in _of_one(name, task)]


def _of_one(name: str, task: TaskDefinition) -> Iterator[str]:
    if not name:
        yield "A task definition has no name; give it one."
    for text in numbers(task):
        yield f"Task {name!r}: {text}"
    try:
        compile_template(task.input_template, where="inputTemplate")
    except ExpressionError as error:
        yield f"Task {name!r}: {error}"
    if task.undo and task.undo == task.name:
        yield f"Task {name!r}: it is its own undo; name the task that reverses it."
