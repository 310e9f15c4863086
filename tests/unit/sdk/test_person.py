"""A workflow that asks a person, from the client's side, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypedDict, TypeVar

import pytest

from pavane.bootstrap import running_engine
from pavane.errors import ConflictError, ExecutionFailedError, UsageError
from pavane.sdk.client import Client
from pavane.sdk.person import person
from pavane.sdk.workflow import workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

T = TypeVar("T")


class Approval(TypedDict):
    approved: bool
    by: str


@workflow
async def travel(place: str) -> str:
    answer = await person("approve", to="desk", deadline="2d", result=Approval, place=place)
    if answer is None:
        return "nobody answered"
    if answer["approved"]:
        return f"{answer['by']} likes {place}"
    return "no"


@workflow
async def open_end(place: str) -> str:
    answer = await person("approve", place=place)
    return answer["by"]


def inside(scene: Callable[[Client], Awaitable[T]]) -> T:
    async def main() -> T:
        async with running_engine(
            "memory:",
            workflows=[travel, open_end],
            clock=VirtualClock(),
            chance=random.Random(1),
        ) as engine:
            return await scene(Client.embedded(engine))

    return run(main())


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"approved": True, "by": "anna"}, "anna likes Rome"),
        ({"approved": False, "by": "anna"}, "no"),
    ],
)
def test_a_person_answers(answer: Approval, result: str):
    async def scene(client: Client) -> str:
        started = await client.start(travel, "Rome")
        (step,) = (await started.state()).steps
        assert (step.ref, step.type, step.status) == ("approve", "HUMAN", "IN_PROGRESS")
        await asyncio.sleep(2 * 86_400 - 5)
        await started.signal("approve", answer)
        return await started.result()

    assert inside(scene) == result


def test_nobody_answers_in_time():
    async def scene(client: Client) -> str:
        started = await client.start(travel, "Rome")
        result = await started.result()
        assert 2 * 86_400 <= asyncio.get_running_loop().time() < 2 * 86_400 + 10
        with pytest.raises(ConflictError):
            await started.signal("approve", {"approved": True, "by": "anna"})
        return result

    assert inside(scene) == "nobody answered"


def test_a_person_refuses():
    async def scene(client: Client) -> None:
        started = await client.start(travel, "Rome")
        await started.signal("approve", status="FAILED", reason="too far")
        with pytest.raises(ExecutionFailedError, match="too far"):
            await started.result()

    inside(scene)


def test_without_a_deadline_it_takes_as_long_as_it_takes():
    async def scene(client: Client) -> str:
        started = await client.start(open_end, "Rome")
        await asyncio.sleep(4 * 86_400)
        await started.signal("approve", {"by": "bert"})
        return await started.result()

    assert inside(scene) == "bert"


def test_outside_of_a_workflow_there_is_nobody_to_ask():
    async def main() -> None:
        await person("approve", to="desk")

    with pytest.raises(UsageError, match="outside a workflow"):
        asyncio.run(main())
