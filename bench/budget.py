"""What steps cost in rows, bytes, statements and commits: exact numbers, the same on any machine.

A commit here blocks the event loop, so that which requests share a batch never depends on timing.
"""

from __future__ import annotations

import sys
from collections.abc import Container
from pathlib import Path
from types import FrameType

import msgspec

from bench import order
from bench.load import Load
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Workflow
from pavane.sdk.service import Service

Told = dict[str, int]


async def orders(path: Path, workflows: int, in_flight: int) -> Told:
    """The counters of that many orders, after one that warmed up."""
    store = SqliteStore(path, commit_thread=False)
    async with running_engine(store, services=order.SERVICES) as engine:
        await engine.register([order.definition()])
        load = Load(engine)
        await load.one()
        before = store.counters.copy()
        await load.many(workflows, in_flight)
        return store.counters.since(before)


class StepCost(msgspec.Struct):
    """What happened from the begin of one step's task to the begin of the next one's."""

    counters: Told
    calls: int  # of Python functions


async def long_run(path: Path, steps: int, watched: Container[int]) -> list[StepCost]:
    """The costs of the watched steps of a run of that many SIMPLE steps, one after the other."""
    store = SqliteStore(path, commit_thread=False, durable=False)
    service, costs = Service("long"), list[StepCost]()
    number, before, calls = 0, store.counters.copy(), _Calls()

    @service.task(timeout="10s")
    async def go_on(n: int) -> int:
        nonlocal number, before
        calls.stop()
        if number - 1 in watched:
            costs.append(StepCost(store.counters.since(before), calls.count))
        before = store.counters.copy()
        number += 1
        if number - 1 in watched:
            calls.start()
        return n + 1

    async with running_engine(store, services=[service]) as engine:
        await engine.register([long_workflow(steps, go_on.definition)])
        id = await engine.start_execution("long", b'{"n":1000000}')
        header = await engine.wait(id, 600)
        assert header.status == "COMPLETED", header
    return costs


def long_workflow(steps: int, task: TaskDefinition) -> Workflow:
    """Each step adds one to what the step before it gave. All names have the same length."""
    refs = [f"step_{n:07}" for n in range(steps)]
    before = ["${workflow.input.n}", *(f"${{{ref}.output.result}}" for ref in refs)]
    return Workflow(
        name="long",
        tasks=[
            Step(name=task.name, task_reference_name=ref, input_parameters={"n": given})
            for ref, given in zip(refs, before, strict=False)
        ],
    )


class _Calls:
    """Counts calls of Python functions on this thread while it is started."""

    def __init__(self) -> None:
        self.count = 0

    def start(self) -> None:
        self.count = 0
        sys.setprofile(self._called)

    def stop(self) -> None:
        sys.setprofile(None)

    def _called(self, _frame: FrameType, event: str, _argument: object) -> None:
        self.count += event == "call"
