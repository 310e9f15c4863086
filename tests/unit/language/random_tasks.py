"""Tasks for random workflows: their results follow from their inputs, whatever the order."""

from __future__ import annotations

from contextvars import ContextVar
from zlib import crc32

import msgspec

from pavane.sdk.service import Service


class Pair(msgspec.Struct):
    number: int
    text: str
    numbers: list[int]
    words: list[str]
    left: int = 4
    mode: str = "on"


calls: ContextVar[list[tuple[str, object]]] = ContextVar("calls")

service = Service("random")


def drawn(key: str, value: object) -> int:
    calls.get().append((key, value))
    return crc32(f"{key}{value}".encode()) % 8


@service.task
async def number(key: str, value: int) -> int:
    return drawn(key, value)


@service.task
def text(key: str, value: str) -> str:
    return "xabcdefg"[drawn(key, value)]


@service.task
async def whole(key: str, value: int) -> Pair:
    got = drawn(key, value)
    mode = "on" if got > 3 else "off"
    return Pair(got, f"t{got}", [got, value, 2], ["a ", " b"], mode=mode)


TASKS = {task.name: task for task in service.tasks}
