"""Workers and the real engine in virtual time: timeouts, interruptions, stops and restarts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.errors import ExecutionFailedError
from pavane.ports.store import Store
from pavane.sdk.client import Client
from pavane.sdk.context import TaskContext
from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

seen: list[tuple[float, int, str]] = []  # time, attempt, idempotency key
running: list[str] = []
most: list[int] = []

works = Service("works", concurrency=3)


def note(ctx: TaskContext) -> None:
    now = asyncio.get_running_loop().time()
    seen.append((round(now, 3), ctx.attempt, ctx.idempotency_key))


@works.task(timeout="5s", retries=2, retry_delay="1s", retry_logic="fixed")
async def slow(ctx: TaskContext, seconds: list[float]) -> int:
    note(ctx)
    await asyncio.sleep(seconds[min(ctx.attempt, len(seconds)) - 1])
    return ctx.attempt


@works.task(heartbeat_timeout="3s", retries=1, retry_delay=0)
async def lively(ctx: TaskContext, until_s: float) -> float:
    """Gives signs of life up to a time, and then works on in silence."""
    note(ctx)
    loop = asyncio.get_running_loop()
    for _ in range(10):
        await asyncio.sleep(1)
        if loop.time() <= until_s:
            await ctx.heartbeat()
    return loop.time()


@works.task
async def patient(ctx: TaskContext) -> None:
    note(ctx)
    try:
        await asyncio.sleep(100)
    finally:
        running.append(f"left at {asyncio.get_running_loop().time():g}")


@works.task
async def count(number: int) -> int:
    running.append("in")
    most.append(running.count("in") - running.count("out"))
    await asyncio.sleep(1)
    running.append("out")
    return number


@workflow
async def slowly(seconds: list[float]) -> int:
    return await slow(seconds)


@workflow
async def livelily(until_s: float) -> float:
    return await lively(until_s)


@workflow
async def patiently() -> None:
    await patient()


@workflow
async def six() -> list[int]:
    a, b, c, d, e, f = await gather(count(1), count(2), count(3), count(4), count(5), count(6))
    return [a, b, c, d, e, f]


@asynccontextmanager
async def at_work(store: Store | None = None) -> AsyncGenerator[Client]:
    async with running_engine(
        store or MemoryStore(),
        services=[works],
        workflows=[slowly, livelily, patiently, six],
        clock=VirtualClock(),
        chance=random.Random(1),
    ) as engine:
        yield Client.embedded(engine)


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await scene()

    for each in (seen, running, most):
        each.clear()
    return run(main(), limit_s=10_000)


def test_an_attempt_that_takes_too_long_is_tried_again_with_the_same_key() -> None:
    async def scene() -> int:
        async with at_work() as client:
            return await (await client.start(slowly, [9.0, 2.0])).result()

    assert play(scene) == 2
    (first, second) = seen
    assert (first[0], first[1]) == (0, 1)
    assert (second[0], second[1]) == (6, 2)
    assert first[2] == second[2]


def test_too_many_timeouts_fail_the_execution() -> None:
    async def scene() -> None:
        async with at_work() as client:
            await (await client.start(slowly, [9.0])).result()

    with pytest.raises(ExecutionFailedError) as caught:
        play(scene)
    assert caught.value.status == "TIMED_OUT"
    assert caught.value.reason == "slow: timed out after 5 s"
    assert [(at, attempt) for at, attempt, _ in seen] == [(0, 1), (6, 2), (12, 3)]


@pytest.mark.parametrize(("until_s", "starts", "ends"), [(99, [0], 10), (4, [0, 7], None)])
def test_signs_of_life_keep_an_attempt(
    until_s: float, starts: list[float], ends: float | None
) -> None:
    async def scene() -> float:
        async with at_work() as client:
            return await (await client.start(livelily, until_s)).result()

    if ends is None:
        with pytest.raises(ExecutionFailedError):
            play(scene)
    else:
        assert play(scene) == ends
    assert [at for at, _, _ in seen] == starts


def test_a_terminated_execution_interrupts_its_task() -> None:
    async def scene() -> None:
        async with at_work() as client:
            run = await client.start(patiently)
            await asyncio.sleep(7)
            await run.terminate()
            await asyncio.sleep(1)

    play(scene)
    assert running == ["left at 7"]


def test_a_service_never_does_more_than_it_has_places_for() -> None:
    async def scene() -> tuple[list[list[int]], float]:
        async with at_work() as client:
            runs = [await client.start(six) for _ in range(5)]
            results = [await run.result() for run in runs]
            return results, asyncio.get_running_loop().time()

    results, took_s = play(scene)
    assert results == [[1, 2, 3, 4, 5, 6]] * 5
    assert max(most) == 3
    assert 10 <= took_s < 10.5  # thirty seconds of work in three places


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_a_stop_cuts_short_is_done_after_the_next_start(kind: str, tmp_path: Path) -> None:
    async def scene() -> str:
        memory = MemoryStore()

        def store() -> Store:
            return (
                memory
                if kind == "memory"
                else SqliteStore(str(tmp_path / "works.db"), commit_thread=False)
            )

        async with at_work(store()) as client:
            run = await client.start(patiently)
            await asyncio.sleep(1)
        assert running == ["left at 11"]  # ten seconds of grace
        async with at_work(store()) as client:
            again = client.execution(run.id)
            await again.result()
            return (await again.state()).status

    assert play(scene) == "COMPLETED"
    assert [(at, attempt) for at, attempt, _ in seen] == [(0, 1), (11, 1)]
    assert running == ["left at 11", "left at 111"]
