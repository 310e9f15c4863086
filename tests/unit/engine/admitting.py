"""Workflows of which so many executions run at once, in virtual time, for the tests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView
from pavane.ports.store import Search, Store
from pavane.sdk.service import Service
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

begun: list[tuple[float, Any]] = []  # when, and which
running: list[tuple[Any, Any]] = []  # key and number of those at work
at_once: list[int] = []  # how many of the key ran when one began

yard = Service("yard", concurrency=500)


@yard.task(retries=0)
async def work(n: Any = None, k: Any = None) -> int:
    begun.append((round(asyncio.get_running_loop().time(), 3), n))
    running.append((k, n))
    at_once.append(sum(key == k for key, _ in running))
    try:
        await asyncio.sleep(1)
    finally:
        running.remove((k, n))
    if n == "fails":
        raise ValueError("no")
    return n


@yard.task(retries=0)
async def put_back() -> None:
    await asyncio.sleep(3)


GIVEN = {"n": "${workflow.input.n}", "k": "${workflow.input.k}"}
WORK = Step(name="work", task_reference_name="work", service="yard", input_parameters=GIVEN)


def limited(name: str, limit: RateLimit | None, *steps: Step, **fields: Any) -> Workflow:
    return Workflow(name=name, tasks=[*steps] or [WORK], rate_limit_config=limit, **fields)


QUEUE = limited("queue", RateLimit("", 2))
KEYED = limited("keyed", RateLimit("${workflow.input.k}", 1))
REJECT = limited("reject", RateLimit("", 2, "REJECT"))
FREE = limited("free", None)


@asynccontextmanager
async def at_work(store: Store | None = None, *, workers: bool = True) -> AsyncGenerator[Engine]:
    async with running_engine(
        store or MemoryStore(),
        services=[yard] if workers else [],
        clock=VirtualClock(),
        chance=random.Random(1),
    ) as engine:
        await engine.register([QUEUE, KEYED, REJECT, FREE], overwrite=True)
        yield engine


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await scene()

    for each in (begun, at_once, running):
        each.clear()
    return run(main(), limit_s=10_000)


async def start(engine: Engine, name: str, n: Any = None, k: Any = None, **more: Any) -> str:
    return await engine.start_execution(name, msgspec.json.encode({"n": n, "k": k}), **more)


async def ends(engine: Engine, *ids: str) -> list[str]:
    return [(await engine.wait(each)).status for each in ids]


async def view(engine: Engine, id: str) -> ExecutionView:
    return await Reader(engine.store).execution(id)


async def how_many(engine: Engine, workflow: str) -> int:
    return len(await Reader(engine.store).executions(Search(workflow=workflow)))
