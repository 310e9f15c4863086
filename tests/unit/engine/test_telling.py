"""What one node does the others hear at once; and where they hear nothing, they see it soon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

import pytest

from pavane.adapters.memory.members import MemoryMembers
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine
from pavane.engine.shares import MOMENT_MS
from pavane.engine.waiting import LOOK_S
from pavane.testing.simulation.loop import run
from tests.unit.engine.test_nodes import FLOW, Nodes, ended, now, outcome, take, worker

AT_ONCE_S = 0.05
KEYED = Workflow(
    name="keyed",
    tasks=[
        Step(name="do", task_reference_name="do", input_parameters={"k": "${workflow.input.k}"})
    ],
)
LINE = Workflow(name="line", tasks=FLOW.tasks, rate_limit_config=RateLimit("", 1))
ONE_EACH = TaskDefinition(name="do", concurrent_exec_limit=1, concurrency_key="k")


class Counting(MemoryMembers):
    """Members whose words are counted."""

    told: list[str] = []  # noqa: RUF012 - of all of them, emptied by each test

    def tell(self, words: Collection[str]) -> None:
        self.told.extend(words)
        super().tell(words)


class Mute(MemoryMembers):
    """Members that hear nothing, as behind a pooler."""

    async def hear(self, call: Callable[[Sequence[str]], None]) -> bool:
        return False

    def tell(self, words: Collection[str]) -> None:
        pass


def play(
    scene: Callable[[Engine, Engine], Awaitable[None]], members: type[MemoryMembers] = Counting
) -> None:
    Counting.told.clear()

    async def main() -> None:
        nodes = Nodes()
        nodes.store.members = members(nodes.store._check_open)
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW, KEYED, LINE], [TaskDefinition(name="do")])
        await asyncio.sleep(3)
        try:
            await scene(a, b)
        finally:
            await nodes.end()

    run(main())


async def gets_work(a: Engine, b: Engine) -> float:
    """How long a worker that waits at one node waits for what comes at the other."""
    asking = asyncio.create_task(worker(b, "w", limit=1, wait_ms=5_000))
    await asyncio.sleep(0.2)
    begun = now()
    await a.start_execution("flow", b"{}")
    assert len((await asking).work) == 1
    return now() - begun


async def hears_of_an_end(a: Engine, b: Engine) -> float:
    """How long somebody who waits at one node waits for what ends at the other."""
    id = await a.start_execution("flow", b"{}")
    waiting = asyncio.create_task(ended(b, id))
    await asyncio.sleep(0.2)
    [given] = await take(a, "w")
    begun = now()
    assert await a.report(outcome(given))
    assert await waiting == "COMPLETED"
    return now() - begun


async def gets_the_place(a: Engine, b: Engine) -> float:
    """How long a worker at one node waits for a place that the other has freed."""
    await a.register(tasks=[ONE_EACH], overwrite=True)
    await asyncio.sleep(3)
    for _ in range(2):
        await a.start_execution("keyed", b'{"k":1}')
    [given] = await take(a, "w")
    asking = asyncio.create_task(worker(b, "w", limit=1, wait_ms=5_000))
    await asyncio.sleep(2.2)
    begun = now()
    assert await a.report(outcome(given))
    assert len((await asking).work) == 1
    return now() - begun


async def is_admitted(a: Engine, b: Engine) -> float:
    """How long an execution that one node has put in line waits for the place of another."""
    first = await a.start_execution("line", b"{}")
    [given] = await take(a, "w")
    second = await b.start_execution("line", b"{}")
    begun = now()
    assert await a.report(outcome(given))
    waiting = asyncio.create_task(worker(b, "w", limit=1, wait_ms=5_000))
    [work] = (await waiting).work
    assert (first, second) == (given.execution_id, work.execution_id)
    return now() - begun


Measure = Callable[[Engine, Engine], Awaitable[float]]
MEASURES: list[Measure] = [gets_work, hears_of_an_end, gets_the_place, is_admitted]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.__name__)
def test_it_is_known_at_once(measure: Measure):
    async def scene(a: Engine, b: Engine) -> None:
        assert await measure(a, b) <= AT_ONCE_S

    play(scene)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.__name__)
def test_it_is_seen_soon_where_nothing_is_heard(measure: Measure):
    async def scene(a: Engine, b: Engine) -> None:
        assert await measure(a, b) < 2 * LOOK_S

    play(scene, Mute)


def test_whoever_follows_hears_of_each_change():
    async def scene(a: Engine, b: Engine) -> None:
        with b.subscribe() as changes:
            await asyncio.sleep(0.2)
            for _ in range(3):
                id = await a.start_execution("flow", b"{}")
                begun = now()
                assert await changes.get() == {id}
                assert now() - begun <= AT_ONCE_S

    play(scene)


def test_what_is_put_is_known_at_once():
    async def scene(a: Engine, b: Engine) -> None:
        begun = now()
        await a.register(tasks=[TaskDefinition(name="other", retry_count=9)])
        while "other" not in b.registry.tasks:  # noqa: ASYNC110 - nobody tells the test
            await asyncio.sleep(0.01)
        assert now() - begun <= AT_ONCE_S

    play(scene)


def test_what_nobody_wants_to_know_nobody_is_told():
    async def scene(a: Engine, b: Engine) -> None:
        async def later(a: Engine) -> list[Assignment]:
            await asyncio.sleep(2 * MOMENT_MS[0] / 1000)  # it may be the other's share
            return await take(a, "w")

        async def told() -> list[str]:
            Counting.told.clear()
            id = await a.start_execution("flow", b"{}")
            given = await take(a, "w") or await later(a)
            assert await a.report(outcome(given[0]))
            assert await ended(a, id) == "COMPLETED"
            await asyncio.sleep(0.5)
            return [word for word in Counting.told if word[:1] not in "im"]

        assert await told() == [], "nobody at the other node works, waits or follows"
        await take(b, "w")
        await asyncio.sleep(0.5)
        assert await told() == ["qdo"]
        with b.subscribe():
            await asyncio.sleep(0.5)
            assert {word[:1] for word in await told()} == {"q", "c", "e"}
        await b.stop()
        await asyncio.sleep(3)
        assert await told() == []
        with a.subscribe():
            Counting.told.clear()
            await asyncio.sleep(3)
            assert Counting.told == [], "nobody is there"

    play(scene)
