"""A fan goes on where it was when its engine comes back: pages, names and inputs are rows."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model import status
from pavane.core.model.workflow import Step, Workflow
from pavane.sdk.service import Service

pytestmark = pytest.mark.anyio

WIDTH, FIRST = 230, 20


def fanning() -> Workflow:
    inputs = {"forkTaskName": "count", "forkTaskInputs": "${workflow.input.items}"}
    fork = Step(
        name="all", task_reference_name="all", type="FORK_JOIN_DYNAMIC", input_parameters=inputs
    )
    join = Step(name="join", task_reference_name="join", type="JOIN")
    return Workflow(name="fanning", tasks=[fork, join])


async def test_a_fan_survives_its_engine(tmp_path: Path):
    done: Counter[int] = Counter()
    enough = asyncio.Event()

    def service(most: int) -> Service:
        made = Service("counter", concurrency=5)

        @made.task
        async def count(n: int) -> int:
            if len(done) >= most:
                enough.set()
                await asyncio.sleep(0.3)  # so that the engine stops on the way
            done[n] += 1
            return n

        assert count.name == "count"
        return made

    path = tmp_path / "fan.db"
    given = msgspec.json.encode({"items": [{"n": n} for n in range(WIDTH)]})
    store = SqliteStore(path, durable=False)
    async with running_engine(store, services=[service(FIRST)]) as engine:
        await engine.register([fanning()])
        id = await engine.start_execution("fanning", given)
        await asyncio.wait_for(enough.wait(), 60)
    assert FIRST <= len(done) < WIDTH
    async with running_engine(SqliteStore(path, durable=False), services=[service(WIDTH)]) as again:
        header = await asyncio.wait_for(again.wait(id), 120)
    assert header.status == status.COMPLETED, header.reason
    assert sorted(done) == list(range(WIDTH))
