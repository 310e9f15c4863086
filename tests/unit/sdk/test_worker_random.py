"""Random work for random places, with interruptions: every attempt is reported once, none leaks."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from pavane.errors import Fail, StoreFullError
from pavane.sdk.context import TaskContext
from pavane.sdk.crew import Crew
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.sdk.board import Board, assignment

TASKS = ["act", "act_sync", "act_alone"]
WAYS = ["well", "wrongly", "for good", "never", "clinging", "exit"]


def service_for(chance: random.Random, at_once: Counter[str], most: Counter[str]) -> Service:
    service = Service("random", concurrency=chance.randint(1, 4), threads=chance.randint(1, 2))

    async def act(ctx: TaskContext, way: str, seconds: float) -> str:
        at_once.update([ctx.task, "service"])
        for name in (ctx.task, "service"):
            most[name] = max(most[name], at_once[name])
        try:
            await behave(way, seconds)
        finally:
            at_once.subtract([ctx.task, "service"])
        return way

    @service.task
    def act_sync(way: str, seconds: float) -> str:
        if way == "wrongly":
            raise ValueError(way)
        return way

    service.task(act)
    service.task(name="act_alone", concurrency=1)(act)
    return service


async def behave(way: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    match way:
        case "never":
            await asyncio.Event().wait()
        case "clinging":
            while loop.time() < end:
                try:
                    await asyncio.sleep(end - loop.time())
                except asyncio.CancelledError:
                    continue
        case "exit":
            raise SystemExit
        case _:
            await asyncio.sleep(seconds)
    if way == "wrongly":
        raise ValueError(way)
    if way == "for good":
        raise Fail(way)


async def one_case(seed: int) -> tuple[Counter[tuple[str, str, int]], set[str], int]:
    chance = random.Random(seed)
    at_once: Counter[str] = Counter()
    most: Counter[str] = Counter()
    service = service_for(chance, at_once, most)
    board = Board()
    workers = LocalWorkers([service], VirtualClock())
    workers.start(board)
    count = chance.randint(1, 40)
    for number in range(count):
        task = chance.choice(TASKS)
        way, seconds = chance.choice(WAYS), chance.choice([0.0, 0.5, 3.0, 20.0])
        input = f'{{"way":"{way}","seconds":{seconds}}}'.encode()
        given = assignment(task, input, number=number, limit_s=chance.choice([1, 8]))
        if workers.reserve(task):
            if chance.random() < 0.1:
                workers.give_back(task, "")
                workers.reserve(task)
            workers.run(given)
        else:
            board.waiting.append(given)
            workers.wake(task)
        if chance.random() < 0.3:
            workers.interrupt(f"run-{chance.randrange(count)}", chance.choice(TASKS), 0)
        if chance.random() < 0.1:
            board.troubles.append(StoreFullError("No room left."))
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.4]))
    async with asyncio.timeout(1000):
        await board.reported(count)
    await asyncio.sleep(30)
    crews: list[Crew] = [post.crew for post in workers._posts.values()]  # leaks show nowhere else
    taken = sum(places.taken for crew in crews for places in crew.places)
    ways = {outcome.status for _, outcome in board.outcomes}
    if most["act_alone"] > 1:
        ways.add("overcrowded")
    await workers.stop(1)
    reported = Counter((o.execution_id, o.ref, o.attempt) for _, o in board.outcomes)
    assert len(reported) == count
    return reported, ways, taken


@pytest.mark.parametrize("block", range(6))
def test_every_attempt_is_reported_once_and_every_place_given_back(block: int) -> None:
    seen: set[str] = set()
    for seed in range(block * 50, block * 50 + 50):
        reported, ways, taken = run(one_case(seed), seed=seed, shuffle=seed % 2 == 1, limit_s=9999)
        assert set(reported.values()) == {1}, f"seed {seed}"
        assert taken == 0, f"seed {seed}"
        assert "IN_PROGRESS" not in ways, f"seed {seed}"
        seen |= ways
    assert {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"} <= seen
