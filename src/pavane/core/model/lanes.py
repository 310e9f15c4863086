"""Lanes: the queue of a task whose places are counted for each key, split by that key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

_APART: Final = "\x1f"  # in no name of a task
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
    text = msgspec.json.encode(value, order="sorted").decode()
    if len(text) > _CHARS_MAX:
        text = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return task + _APART + text


def task_of(queue: str) -> str:
    """The task whose queue or lane it is."""
    return queue.partition(_APART)[0]


def key_of(queue: str) -> str:
    """The key of a lane as JSON, or its digest; "" for the queue of a task."""
    return queue.partition(_APART)[2]
