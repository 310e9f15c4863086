"""Engines on one PostgreSQL database: limits hold over all of them, and they hear of each other."""

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


def node(url: str, n: int) -> Engine:
    chance = random.Random(n)
    return Engine(PostgresStore(url), clock=SystemClock(), chance=chance, name=f"local/{n}")


async def test_limits_hold_over_all_nodes(postgres_schema: str):
    """Workers take at one node and report at any."""
    dice = random.Random(3)
    nodes = [node(postgres_schema, n) for n in range(NODES)]
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

    for each in nodes:
        await each.start()
    await nodes[0].register(FLOWS, TASKS)
    await asyncio.sleep(1.5)  # by then all know them
    crews = [
        asyncio.create_task(work(each, f"{each._name}/{n}")) for each in nodes for n in range(4)
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
    for each in nodes:
        await each.stop()
    assert most["few"] == FEW
    assert 0 < most["line"] <= LINE
    assert len(paced) == MANY
    for n in range(MANY - RATE):
        assert paced[n + RATE] - paced[n] > WITHIN_S - 0.2, "what was told comes a little later"


async def test_what_one_does_another_hears_without_a_round_trip_of_its_commits(
    postgres_schema: str,
):
    """A worker and somebody who waits at the second node: most of the time long before a look."""
    one, two = node(postgres_schema, 1), node(postgres_schema, 2)
    await one.start()
    await one.register(FLOWS, TASKS)
    alone = await _one_after_the_other(one, one, 1)
    assert alone["tellings"] <= 2, "what it wants to know, and nothing else: nobody else does"
    await two.start()
    await _one_after_the_other(one, two, 1)  # then it is known what the second one wants to know
    await asyncio.sleep(0.2)
    begun, many = time.monotonic(), 10
    told = await _one_after_the_other(one, two, many)
    took_s = time.monotonic() - begun
    for each in (one, two):
        await each.stop()
    assert took_s < many * 0.5, "a look would come after a second"
    assert many <= told["tellings"] <= told["commits"]


async def _one_after_the_other(one: Engine, two: Engine, many: int) -> dict[str, int]:
    """What it costs the first node to start executions that the second one works on."""
    store = one.store
    assert isinstance(store, PostgresStore)
    before = store.counters.copy()
    for _ in range(many):
        async with two.taking(["few"], "w", 1) as taking:
            working = asyncio.create_task(taking.within(5))
            await asyncio.sleep(0.02)
            id = await one.start_execution("few", b"{}")
            await working
            [given] = taking.given
        waiting = asyncio.create_task(two.wait(id, 5))
        await asyncio.sleep(0)
        await one.report(Outcome(given.execution_id, given.ref, given.attempt, "COMPLETED"))
        assert (await waiting).status == "COMPLETED"
    return store.counters.since(before)
