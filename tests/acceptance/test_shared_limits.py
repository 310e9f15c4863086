"""Three engines on one PostgreSQL database: limits of tasks and workflows hold over all of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest

from pavane.adapters.postgres.store import PostgresStore
from pavane.bootstrap import SystemClock
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine

pytestmark = pytest.mark.anyio

NODES = 3
MANY = 30
FEW = 3  # of the task at once, in all
LINE = 2  # of the workflow
RATE, WITHIN_S = 10, 1
WORK_S = 0.03
TASKS = [
    TaskDefinition(name="few", concurrent_exec_limit=FEW),
    TaskDefinition(name="step"),
    TaskDefinition(
        name="paced", rate_limit_per_frequency=RATE, rate_limit_frequency_in_seconds=WITHIN_S
    ),
]
FLOWS = [
    Workflow(name=name, tasks=[Step(name=task, task_reference_name="do")], rate_limit_config=limit)
    for name, task, limit in (
        ("few", "few", None),
        ("paced", "paced", None),
        ("line", "step", RateLimit("", LINE)),
    )
]


async def test_limits_hold_over_all_nodes(postgres_schema: str):
    """Workers take at one node and report at any."""
    dice = random.Random(3)
    nodes = [
        Engine(
            PostgresStore(postgres_schema),
            clock=SystemClock(),
            chance=random.Random(n),
            name=f"local/{n}",
        )
        for n in range(NODES)
    ]
    running, most = Counter[str](), Counter[str]()
    paced: list[float] = []

    async def do(given: Assignment) -> None:
        running[given.workflow] += 1
        most[given.workflow] = max(most[given.workflow], running[given.workflow])
        if given.task == "paced":
            paced.append(time.monotonic())
        await asyncio.sleep(WORK_S)
        running[given.workflow] -= 1
        done = Outcome(given.execution_id, given.ref, given.attempt, "COMPLETED")
        await dice.choice(nodes).report(done)

    async def work(node: Engine, name: str) -> None:
        while True:
            async with node.taking(["few", "step", "paced"], name, 1) as taking:
                await taking.within(2)
                given = list(taking.given)
            for each in given:
                await do(each)

    for node in nodes:
        await node.start()
    await nodes[0].register(FLOWS, TASKS)
    await asyncio.sleep(1.5)  # by then all know them
    crews = [
        asyncio.create_task(work(node, f"{node._name}/{n}")) for node in nodes for n in range(4)
    ]
    starting = (
        dice.choice(nodes).start_execution(flow.name, b"{}") for _ in range(MANY) for flow in FLOWS
    )
    ids = await asyncio.gather(*starting)
    for id in ids:
        assert (await dice.choice(nodes).wait(id, 30)).status == "COMPLETED"
    for crew in crews:
        crew.cancel()
    await asyncio.gather(*crews, return_exceptions=True)
    for node in nodes:
        await node.stop()
    assert most["few"] == FEW
    assert 0 < most["line"] <= LINE
    assert len(paced) == MANY
    for n in range(MANY - RATE):
        assert paced[n + RATE] - paced[n] > WITHIN_S - 0.2, "what was told comes a little later"
