"""Tasks for random workflows: their results follow from their inputs, whatever the order."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from decimal import Decimal
from zlib import crc32

import msgspec

from pavane.errors import Fail
from pavane.sdk.service import Service


class Pair(msgspec.Struct):
    number: int
    text: str
    numbers: list[int]
    words: list[str]
    left: int = 4
    cost: Decimal = Decimal("2.50")
    note: str | None = None
    mode: str = "on"


class Won(msgspec.Struct, tag=True):
    number: int
    cost: Decimal


class Lost(msgspec.Struct, tag="lost"):
    text: str


class Drawn(msgspec.Struct, tag=True):
    number: int = 3


calls: ContextVar[list[tuple[str, object]]] = ContextVar("calls")

numbers, texts, risks = SERVICES = Service("numbers"), Service("texts"), Service("risks")


def drawn(key: str, value: object) -> int:
    calls.get().append((key, value))
    return crc32(f"{key}{value}".encode()) % 8


@numbers.task(read_only=True)
async def number(key: str, value: int) -> int:
    return drawn(key, value)


@texts.task(read_only=True)
def text(key: str, value: str) -> str:
    return "xabcdefg"[drawn(key, value)]


@numbers.task(read_only=True)
async def whole(key: str, value: int) -> Pair:
    got = drawn(key, value)
    mode = "on" if got > 3 else "off"
    return Pair(got, f"t{got}", [got, value, 2], ["a ", " b"], mode=mode)


@numbers.task(read_only=True)
async def price(key: str, value: Decimal) -> Decimal:
    return Decimal(drawn(key, value)) / 4


@texts.task(read_only=True)
async def maybe(key: str, value: str) -> str | None:
    return [None, "x", "", "m"][drawn(key, value) % 4]


@texts.task(read_only=True)
async def decided(key: str, value: bool) -> bool:
    return drawn(key, value) > 3


@risks.task(read_only=True)
async def either(key: str, value: int) -> Won | Lost | Drawn:
    got = drawn(key, value)
    return [Won(got % 3, Decimal(got) / 2), Lost(f"l{got}"), Drawn(got)][got % 3]


@risks.task(read_only=True)
async def risky(key: str, value: int) -> int:
    got = drawn(key, value)
    if got < 3:
        raise Fail(f"drew {got}")
    return got


@risks.task(read_only=True)
async def forever(value: int) -> int:
    await asyncio.Event().wait()  # whatever it is raced with is done before
    return value


TASKS = {task.name: task for service in SERVICES for task in service.tasks}
