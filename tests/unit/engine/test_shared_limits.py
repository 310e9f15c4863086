"""Limits over several engines on one store: never more than may, and never long fewer.

Workers take at one node and report at any; batches of the nodes overlap, as each commit and each
look takes its time. After every commit the rows are counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model.lanes import task_of, workflow_of
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine
from pavane.engine.nodes import NODE_LEASE_S
from pavane.engine.waiting import LOOK_S
from pavane.errors import LimitReachedError, PavaneError
from pavane.ports.store import Unit
from pavane.testing.simulation.clock import START_MS, VirtualClock
from pavane.testing.simulation.loop import run

MOST = {"few": 3, "each": 1}
RATE, WITHIN_S = 4, 5
AT_ONCE = 2
WORK_S = 0.5
SEEDS = [int(os.environ["PAVANE_SEED"])] if "PAVANE_SEED" in os.environ else [1, 2, 3]
_GIVEN = {"k": "${workflow.input.k}"}
TASKS = [
    TaskDefinition(name="few", concurrent_exec_limit=3),
    TaskDefinition(name="each", concurrent_exec_limit=1, concurrency_key="k"),
    TaskDefinition(
        name="paced", rate_limit_per_frequency=RATE, rate_limit_frequency_in_seconds=WITHIN_S
    ),
    TaskDefinition(name="free"),
]


def flow(name: str, task: str, limit: RateLimit | None = None) -> Workflow:
    step = Step(name=task, task_reference_name="do", input_parameters=_GIVEN)
    return Workflow(name=name, tasks=[step], rate_limit_config=limit)


FLOWS = [
    *(flow(each, each) for each in ("few", "each", "paced")),
    flow("open", "free"),
    flow("line", "free", RateLimit("", AT_ONCE)),
    flow("lines", "free", RateLimit("${workflow.input.k}", 1)),
    flow("door", "free", RateLimit("", AT_ONCE, policy="REJECT")),
]
LIMITED = {each.name: each.rate_limit_config.concurrent_exec_limit
           for each in FLOWS if each.rate_limit_config}  # fmt: skip


class Slow:
    """A store that takes its time, and whose rows are counted after each commit."""

    def __init__(self, store: MemoryStore, dice: random.Random, seen: Counter[str]) -> None:
        self._store = store
        self._dice = dice
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        await self._pause()
        lost = await self._store.commit(units)
        self._seen["lost"] += len(lost)
        self._seen["bounds"] += sum(len(unit.bounds) for unit in units)
        self._seen["lost to others"] += sum(bool(units[index].bounds) for index in lost)
        for queue, held in self._store._tables.held.items():
            most = LIMITED.get(workflow_of(queue)) or MOST.get(task_of(queue), 1 << 30)
            self._seen["too many"] += len(held) > most
            self._seen["full"] += len(held) == most
        await self._pause()
        return lost

    async def held(self, queues: Sequence[str]) -> Any:
        await self._pause()
        found = await self._store.held(queues)
        await self._pause()
        return found

    async def ready(self, queue: str, now: int, limit: int) -> Any:
        await self._pause()
        return await self._store.ready(queue, now, limit)

    async def _pause(self) -> None:
        await asyncio.sleep(self._dice.choice((0, 0.001, 0.004)))


class Company:
    """Nodes, and workers that speak with any of them."""

    def __init__(self, seed: int, count: int) -> None:
        self.dice = random.Random(seed)
        self.rows = MemoryStore(shared=True)
        self.seen: Counter[str] = Counter()
        self.begun: dict[str, list[float]] = {}
        self.nodes: list[Engine] = []
        self.work_s = WORK_S
        self._count = count
        self._born = 0
        self._crews: dict[Engine, list[asyncio.Task[None]]] = {}

    async def begin(self) -> None:
        self._born += 1
        engine = Engine(
            Slow(self.rows.beside(), self.dice, self.seen),  # type: ignore[arg-type]  # it has all that a store has
            clock=VirtualClock(),
            chance=random.Random(self._born),
            name=f"local/{self._born}",
        )
        await engine.start()
        self.nodes.append(engine)
        work = [self._work(engine, f"{engine._name}/{n}") for n in range(6)]
        self._crews[engine] = [asyncio.create_task(each) for each in work]

    async def kill(self, engine: Engine) -> None:
        self.nodes.remove(engine)
        for task in (*engine._running, *self._crews.pop(engine)):
            task.cancel()
        await asyncio.sleep(0)
        await engine.store.close()

    async def _work(self, home: Engine, name: str) -> None:
        while home in self.nodes:
            try:
                async with home.taking(["few", "each", "paced", "free"], name, 1) as taking:
                    await taking.within(5)
                    given = list(taking.given)
                for each in given:
                    await self._do(home, each)
            except PavaneError:
                await asyncio.sleep(0.1)

    async def _do(self, home: Engine, given: Assignment) -> None:
        self.begun.setdefault(given.task, []).append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.work_s)
        node = self.dice.choice(self.nodes)
        done = Outcome(
            given.execution_id, given.ref, given.attempt, "COMPLETED", worker=given.worker
        )
        await node.report(done)

    async def start(self, workflow: str, n: int) -> str:
        input = json.dumps({"k": f"k{n % 4}"}).encode()
        return await self.dice.choice(self.nodes).start_execution(workflow, input)

    async def ended(self, ids: Sequence[str]) -> float:
        """When all of them have completed."""
        for id in ids:
            assert (await self.nodes[0].wait(id, 100)).status == "COMPLETED"
        async with self.rows.snapshot() as snapshot:
            headers = [await snapshot.header(id) for id in ids]
        return (max(each.ended_at for each in headers if each is not None) - START_MS) / 1000

    async def end(self) -> None:
        nodes, self.nodes = self.nodes, []
        for node in nodes:
            node.places.dismiss_all()
        crews = [each for crew in self._crews.values() for each in crew]
        await asyncio.gather(*crews, return_exceptions=True)
        for node in nodes:
            await node.stop()


def play(seed: int, count: int, scene: Any) -> Company:
    company = Company(seed, count)

    async def main() -> None:
        for _ in range(count):
            await company.begin()
        await company.nodes[0].register(FLOWS, TASKS)
        await asyncio.sleep(NODE_LEASE_S / 2)
        await company.rows.open()
        try:
            await scene(company)
        finally:
            await company.end()

    run(main())
    assert not company.seen["too many"], "more run than may"
    return company


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("workflow", ["few", "each", "line", "lines"])
def test_never_more_than_may_and_never_long_fewer(workflow: str, count: int, seed: int):
    many = 24
    side_by_side = {"few": 3, "each": 4, "line": AT_ONCE, "lines": 4}[workflow]
    best_s = many / side_by_side * WORK_S
    took: list[float] = []

    async def scene(company: Company) -> None:
        begun = now()
        ids = [await company.start(workflow, n) for n in range(many)]
        took.append(await company.ended(ids) - begun)

    company = play(seed, count, scene)
    assert company.seen["lost to others"] > 0, "nobody was in the way of another"
    assert company.seen["full"] > 10
    assert took[0] < 1.25 * best_s + 3 * LOOK_S


def test_never_more_begin_than_the_rate_lets():
    async def scene(company: Company) -> None:
        begun = now()
        ids = [await company.start("paced", n) for n in range(5 * RATE)]
        assert await company.ended(ids) - begun < 4 * WITHIN_S + 5

    begun = play(7, 3, scene).begun["paced"]
    for n in range(len(begun) - RATE):
        assert begun[n + RATE] - begun[n] > WITHIN_S - 0.1, "a commit takes a few ms"


@pytest.mark.parametrize("workflow", ["few", "each", "line"])
def test_a_death_loses_no_place(workflow: str):
    async def scene(company: Company) -> None:
        ids = [await company.start(workflow, n) for n in range(16)]
        await asyncio.sleep(0.3)
        await company.kill(company.nodes[0])
        died = now()
        await company.begin()
        assert await company.ended(ids) - died < 2 * NODE_LEASE_S + 12

    play(7, 3, scene)


def test_what_has_no_limit_asks_for_nothing():
    async def scene(company: Company) -> None:
        await company.ended([await company.start("open", n) for n in range(16)])

    assert play(7, 2, scene).seen["bounds"] == 0


def test_nobody_is_refused_where_there_is_a_place_at_another_node():
    async def scene(company: Company) -> None:
        one, two = company.nodes
        ids = [await one.start_execution("door", b"{}") for _ in range(AT_ONCE)]
        with pytest.raises(LimitReachedError):
            await two.start_execution("door", b"{}")
        await company.ended(ids)
        for _ in range(AT_ONCE):
            await two.start_execution("door", b"{}")
        with pytest.raises(LimitReachedError):
            await one.start_execution("door", b"{}")

    play(7, 2, scene)
