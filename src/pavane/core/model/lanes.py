"""Lanes: the queue of a task or workflow whose places are counted for each key, split by it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

_APART: Final = "\x1f"  # in no name of a task
_WORKFLOW: Final = "\x1e"  # before the name of a workflow: no task has its queue
_CHARS_MAX: Final = 100


def lane(task: str, path: Sequence[str], task_input: bytes) -> str:
    """The queue of an attempt: its task's, or the lane of what stands at the path in its input.

    What has nothing there shares one lane. A long key is told apart by its digest.
    """
    if not path:
        return task
    value: Any = msgspec.json.decode(task_input)
    for name in path:
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return task + _APART + _text(value)


def workflow_lane(workflow: str, key: Any) -> str:
    """The queue of executions that wait for a place, and of those that have one; None: no key."""
    return _WORKFLOW + workflow + ("" if key is None else _APART + _text(key))


def workflow_of(queue: str) -> str:
    """The workflow whose executions the queue is for; "" where it is one of tasks."""
    return task_of(queue).removeprefix(_WORKFLOW) if queue.startswith(_WORKFLOW) else ""


def _text(key: Any) -> str:
    text = msgspec.json.encode(key, order="sorted").decode()
    if len(text) > _CHARS_MAX:
        text = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return text


def task_of(queue: str) -> str:
    """The task whose queue or lane it is."""
    return queue.partition(_APART)[0]


def key_of(queue: str) -> str:
    """The key of a lane as JSON, or its digest; "" for the queue of a task."""
    return queue.partition(_APART)[2]
