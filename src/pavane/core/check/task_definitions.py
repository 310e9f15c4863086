"""Refuses task definitions that could not be run as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pavane.core.check.calls import check_call
from pavane.core.check.policies import keys, numbers
from pavane.core.expressions.template import compile_template
from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import ExpressionError


def check_tasks(tasks: Mapping[str, TaskDefinition]) -> list[str]:
    """Everything that is wrong with task definitions: one sentence each, with a way out."""
    return [text for name, task in tasks.items() for text in _of_one(name, task)]


def _of_one(name: str, task: TaskDefinition) -> Iterator[str]:
    if not name:
        yield "A task definition has no name; give it one."
    for text in (*numbers(task), *keys(task)):
        yield f"Task {name!r}: {text}"
    try:
        compile_template(task.input_template, where="inputTemplate")
    except ExpressionError as error:
        yield f"Task {name!r}: {error}"
    if task.call is not None:
        for text in check_call(task.call, task.input_keys):
            yield f"Task {name!r}: its call: {text}."
    if task.undo and task.undo == task.name:
        yield f"Task {name!r}: it is its own undo; name the task that reverses it."
    if task.read_only and task.undo:
        yield (
            f"Task {name!r}: it is `readOnly` and has the undo {task.undo!r}; "
            "leave one of them out."
        )
    if task.retriable:
        yield from (f"Task {name!r}: it is `retriable`, but {text}" for text in _ends(task))


def _ends(task: TaskDefinition) -> Iterator[str]:
    """What would end a task that is to be tried until it succeeds."""
    if task.total_timeout_seconds:
        yield (
            f"gives up after a totalTimeoutSeconds of {task.total_timeout_seconds:g}; "
            "leave one of them out."
        )
    if task.timeout_policy == "TIME_OUT_WF" and (task.timeout_seconds or task.poll_timeout_seconds):
        yield "its timeoutPolicy TIME_OUT_WF ends the run at a timeout; make it RETRY."
