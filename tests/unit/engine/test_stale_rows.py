"""Nodes that write the same executions at the same time: nobody decides on rows of two states."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any

import pytest

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.core.model.workflow import Step, Undo, Workflow
from pavane.engine.engine import Engine
from tests.unit.engine.test_nodes import Nodes, play

TASKS = ("a", "b", "c", "bad", "undo")


def step(name: str) -> Step:
    return Step(name=name, task_reference_name=name, undo=Undo(name="undo"))


FLOW = Workflow(
    name="flow",
    tasks=[
        step("a"),
        Step(
            name="f",
            task_reference_name="f",
            type="FORK_JOIN",
            fork_tasks=[[step("b")], [step("c"), step("bad")]],
        ),
        Step(name="j", task_reference_name="j", type="JOIN", join_on=["b", "bad"]),
    ],
)


def definitions() -> list[TaskDefinition]:
    return [TaskDefinition(name=name, retry_count=2, retry_delay_seconds=0) for name in TASKS]


def told(given: Assignment, *, fails: bool) -> Outcome:
    status = "FAILED" if fails else "COMPLETED"
    return Outcome(given.execution_id, given.ref, given.attempt, status, b"{}", "no")


def test_a_report_is_not_late_because_the_node_does_not_know_of_the_attempt():
    """It wrote the execution last before there was that attempt."""

    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], definitions())
        id = await b.start_execution("flow", b"{}")
        [first] = await a.poll(["a"], "w", 1)
        assert await a.report(told(first, fails=True))
        [again] = await a.poll(["a"], "w", 1)
        assert again.attempt == 1
        assert await b.report(told(again, fails=False))
        assert not await b.report(told(first, fails=False)), "that one is late"
        await b.terminate(id, "enough")

    play(scene)


class Slow:
    """Makes the loads of a node take their time, so that others write in between."""

    def __init__(self, engine: Engine, dice: random.Random) -> None:
        self._load = engine.store.load
        self._dice = dice
        engine.store.load = self.load

    async def load(self, wanted: Mapping[str, Any]) -> Any:
        await asyncio.sleep(self._dice.random() / 100)
        return await self._load(wanted)


@pytest.mark.parametrize("seed", range(8))
def test_reports_to_any_node_at_once_are_all_taken(seed: int, caplog: pytest.LogCaptureFixture):
    """Executions are done and undone by three nodes in each other's way."""
    count = 12

    async def work(nodes: list[Engine], task: str, dice: random.Random) -> None:
        while True:
            for given in await dice.choice(nodes).poll([task], f"w-{task}", 4):
                fails = task == "bad" or (given.attempt == 0 and dice.random() < 0.2)
                await asyncio.sleep(dice.random() / 50)
                assert await dice.choice(nodes).report(told(given, fails=fails)), given
            await asyncio.sleep(dice.random() / 50)

    async def scene(nodes: Nodes) -> None:
        engines = [await nodes.begin(name) for name in "xyz"]
        dice = random.Random(seed)
        await engines[0].register([FLOW], definitions())
        await asyncio.sleep(5)  # until all know it
        for engine in engines:
            Slow(engine, dice)
        working = [asyncio.create_task(work(engines, name, dice)) for name in TASKS * 2]
        ids = [await dice.choice(engines).start_execution("flow", b"{}") for _ in range(count)]
        ends = [engine.wait(id, 120) for id in ids for engine in engines[:1]]
        over = asyncio.gather(*ends)
        await asyncio.wait([over, *working], return_when=asyncio.FIRST_COMPLETED)
        for each in working:
            assert not each.done() or each.exception() is None, each.exception()
            each.cancel()
        assert [header.status for header in await over] == ["COMPENSATED"] * count

    with caplog.at_level(logging.WARNING):
        play(scene)
    assert not [each.getMessage() for each in caplog.records if "cannot be" in each.getMessage()]
