"""What was compared or raced outside of a scope means the same inside it."""

from __future__ import annotations

import asyncio

import pytest

from pavane.core.check import check_workflow
from pavane.errors import StepFailed
from pavane.sdk.service import Service
from pavane.sdk.workflow import WorkflowFunction, as_plain_python, race, scope, sleep, workflow

echo = Service("echo")


@echo.task(read_only=True)
async def say(text: str) -> str:
    return text


@workflow
async def compared(s: str) -> str:
    right = s == "x"
    async with scope("inner"):
        await say("first")
        if right:
            told = await say("it is")
        else:
            told = "it is not"
    return told


@workflow
async def compared_with_a_result(s: str) -> str:
    got = await say(s)
    wrong = got != "x"
    async with scope("inner"):
        if wrong:
            told = await say("it is not")
        else:
            told = "it is"
    return told


@workflow
async def raced(s: str) -> str:
    first = await race(sleep("2h"), say(s))
    try:
        await say("then")
        told = first if first is not None else "nobody"
    except StepFailed:
        told = "failed"
    return told


@pytest.mark.parametrize("given", ["x", "y"])
@pytest.mark.parametrize("flow", [compared, compared_with_a_result, raced], ids=lambda f: f.name)
def test_it_means_the_same(flow: WorkflowFunction[[str], str], given: str):
    assert check_workflow(flow.definition) == []

    async def both() -> tuple[str, str]:
        with as_plain_python():
            plain = await flow(given)
        return plain, await flow(given)

    plain, run = asyncio.run(both())
    assert run == plain
