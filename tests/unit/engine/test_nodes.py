"""Several engines on one store: any takes what any brings, and goes on with what the dead left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model.schedule import Scheduled
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment, Outcome
from pavane.core.model.workflow import Step, Workflow
from pavane.engine.engine import Engine
from pavane.engine.exchange import Attempted, Given, Report, Wanted, exchange
from pavane.engine.keyring import Keyring
from pavane.engine.nodes import NODE_LEASE_S
from pavane.engine.views.records import Records
from pavane.ports.store import Search
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

FLOW = Workflow(name="flow", tasks=[Step(name="do", task_reference_name="do")])
NAP = Workflow(
    name="nap",
    tasks=[
        Step(
            name="w",
            task_reference_name="w",
            type="WAIT",
            input_parameters={"duration": "20 seconds"},
        )
    ],
)
TICKING = Workflow(name="ticking", tasks=FLOW.tasks, schedule=Scheduled("10s"))
_LEASE_S = 15.0  # of remote workers


class Nodes:
    """Engines on one store, which may die."""

    def __init__(self) -> None:
        self.store = MemoryStore(shared=True)
        self.clock = VirtualClock()
        self.alive: list[Engine] = []

    async def begin(self, name: str) -> Engine:
        engine = Engine(
            self.store.beside(),
            clock=self.clock,
            chance=random.Random(name),
            name=f"local/{name}",
            lease_s=_LEASE_S,
        )
        await engine.start()
        self.alive.append(engine)
        return engine

    async def kill(self, engine: Engine) -> None:
        """It does nothing any more, and takes leave of nobody."""
        self.alive.remove(engine)
        for task in engine._running:  # a death asks nobody
            task.cancel()
        await asyncio.sleep(0)
        await engine.store.close()

    async def end(self) -> None:
        """Those that have been stopped already do nothing more."""
        for engine in self.alive:
            await engine.stop()


def play(scene: Callable[[Nodes], Awaitable[None]]) -> None:
    async def main() -> None:
        nodes = Nodes()
        try:
            await scene(nodes)
        finally:
            await nodes.end()

    run(main())


async def take(engine: Engine, worker: str) -> list[Assignment]:
    return await engine.poll(["do"], worker, 1)


def outcome(given: Assignment) -> Outcome:
    return Outcome(given.execution_id, given.ref, given.attempt, "COMPLETED", b'{"n":1}', "")


async def ended(engine: Engine, id: str) -> str:
    return (await engine.wait(id, 60)).status


def now() -> float:
    return asyncio.get_running_loop().time()


# --- all of them take part ----------------------------------------------------------------------


def test_any_node_takes_what_another_has_begun():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        id = await b.start_execution("flow", b"{}", key="k")
        assert await a.start_execution("flow", b"{}", key="k") == id
        waiting = asyncio.create_task(ended(a, id))
        [given] = await take(a, "w")
        assert await take(b, "w2") == []
        assert await b.report(outcome(given))
        assert await waiting == "COMPLETED"

    play(scene)


def test_what_one_node_learns_all_know_soon():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do", retry_count=7)])
        await asyncio.sleep(NODE_LEASE_S)
        assert b.registry.tasks["do"].retry_count == 7
        assert b.registry.newest("flow") == 1

    play(scene)


def test_a_key_that_is_revoked_at_one_node_opens_nothing_at_the_other():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        here, there = (Keyring(each.store.keys, nodes.clock, random.Random(1)) for each in (a, b))
        await there.load()
        b.tell_of_changes(there.load)
        _, text = await here.add("press", ["operate"])
        await asyncio.sleep(2 * NODE_LEASE_S / 5)
        known = there.holder(text)
        assert known is not None and there.stands(known)
        there.used(known)
        await here.add("other", ["work"])
        await asyncio.sleep(2 * NODE_LEASE_S / 5)
        assert there.holder(text) is known, "it stays in use, and counted"
        await here.remove("press")
        await asyncio.sleep(2 * NODE_LEASE_S / 5)
        assert there.holder(text) is None and not there.stands(known)

    play(scene)


def test_a_worker_at_one_node_is_woken_by_what_another_puts_into_its_queue():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        begun = now()
        asking = asyncio.create_task(worker(b, "w", limit=1, wait_ms=5_000))
        await asyncio.sleep(0.1)
        await a.start_execution("flow", b"{}")
        assert len((await asking).work) == 1
        assert now() - begun < 3

    play(scene)


# --- the dead -----------------------------------------------------------------------------------


def test_what_the_workers_inside_a_dead_node_had_goes_to_others():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        id = await a.start_execution("flow", b"{}")
        assert len(await take(a, "local/a/crew")) == 1
        await asyncio.sleep(3 * NODE_LEASE_S)
        assert await take(b, "w") == [], "as long as it lives it keeps what it has"
        await nodes.kill(a)
        died, given = now(), list[Assignment]()
        while not given:
            await asyncio.sleep(0.1)
            given = await take(b, "w")
        assert now() - died < 2 * NODE_LEASE_S
        assert await b.report(outcome(given[0]))
        assert await ended(b, id) == "COMPLETED"

    play(scene)


@pytest.mark.parametrize("which", ["first", "second"])
def test_alarms_ring_whoever_dies(which: str):
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([NAP])
        begun = now()
        ids = [await each.start_execution("nap", b"{}") for each in (a, b)]
        left, dead = (b, a) if which == "first" else (a, b)
        await nodes.kill(dead)
        for id in ids:
            assert await ended(left, id) == "COMPLETED"
        assert now() - begun < 20 + 2

    play(scene)


def test_a_schedule_starts_once_each_time_whoever_dies():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([TICKING])
        await asyncio.sleep(35)
        await nodes.kill(a)
        await asyncio.sleep(40)
        c = await nodes.begin("c")
        await nodes.kill(b)
        await asyncio.sleep(40)
        async with c.store.snapshot() as snapshot:
            found = await snapshot.search(Search(limit=100))
        keys = sorted(each.key for each in found)
        assert len(keys) == len(set(keys))
        assert len(keys) >= 8, keys

    play(scene)


# --- workers of other processes -----------------------------------------------------------------


async def worker(engine: Engine, name: str, *holds: Attempted, **more: Any) -> Given:
    records = Records(engine.store)
    return await exchange(engine, records, Wanted(name, holds=list(holds), tasks=["do"], **more))


async def with_work(nodes: Nodes) -> tuple[Engine, Engine, Attempted]:
    """Two nodes; the worker W has a task of the first."""
    a, b = await nodes.begin("a"), await nodes.begin("b")
    await a.register([FLOW], [TaskDefinition(name="do")])
    await a.start_execution("flow", b"{}")
    [work] = (await worker(a, "W", limit=1)).work
    return a, b, Attempted(work.execution_id, work.ref, work.attempt)


def test_a_worker_goes_on_at_another_node():
    async def scene(nodes: Nodes) -> None:
        _, b, held = await with_work(nodes)
        await worker(b, "W", held)
        for _ in range(12):  # it speaks with the second one only
            await asyncio.sleep(_LEASE_S / 3)
            await worker(b, "W")
        assert await take(b, "other") == []
        report = Report(held.execution_id, held.ref, held.attempt, "COMPLETED")
        assert (await worker(b, "W", reports=[report])).refused == []

    play(scene)


def test_a_worker_outlives_the_node_that_gave_it_work():
    async def scene(nodes: Nodes) -> None:
        a, b, held = await with_work(nodes)
        await asyncio.sleep(NODE_LEASE_S)
        await nodes.kill(a)
        await worker(b, "W", held)
        for _ in range(12):
            await asyncio.sleep(_LEASE_S / 3)
            await worker(b, "W")
        assert await take(b, "other") == []
        report = Report(held.execution_id, held.ref, held.attempt, "COMPLETED")
        assert (await worker(b, "W", reports=[report])).refused == []

    play(scene)


@pytest.mark.parametrize(("lived_s", "leases"), [(0, 3), (NODE_LEASE_S, 1.5)])
def test_a_worker_that_dies_with_its_node_leaves_nothing(lived_s: float, leases: float):
    async def scene(nodes: Nodes) -> None:
        a, b, _ = await with_work(nodes)
        await asyncio.sleep(lived_s)
        await nodes.kill(a)
        await asyncio.sleep(leases * _LEASE_S)
        assert len(await take(b, "other")) == 1

    play(scene)


@pytest.mark.parametrize("lived_s", [0, NODE_LEASE_S])
def test_an_answer_that_was_lost_with_its_node_is_given_to_another(lived_s: float):
    """The worker goes on elsewhere, and has never heard of the task.

    A node that died at once has not even said that it hears the worker.
    """

    async def scene(nodes: Nodes) -> None:
        a, b, _ = await with_work(nodes)
        await asyncio.sleep(lived_s)
        await nodes.kill(a)
        found: list[Assignment] = []
        for _ in range(25):
            await worker(b, "W", limit=0)
            await asyncio.sleep(_LEASE_S / 5)
            found += await take(b, "other")
        assert len(found) == 1

    play(scene)


def test_what_is_called_off_at_one_node_is_told_to_the_worker_at_the_other():
    async def scene(nodes: Nodes) -> None:
        a, b, held = await with_work(nodes)
        await worker(b, "W", held)
        await a.terminate(held.execution_id, "enough")
        unwanted: list[Attempted] = []
        for _ in range(6):
            await asyncio.sleep(1)
            unwanted += (await worker(b, "W")).unwanted
        assert unwanted == [held]

    play(scene)


@pytest.mark.parametrize("later_s", [0.5, 4.0, 8.0])
def test_what_a_dead_worker_had_goes_back_whoever_heard_it_last(later_s: float):
    """The one that gave it the task hears that it lives elsewhere, and then it does not."""

    async def scene(nodes: Nodes) -> None:
        _, b, _ = await with_work(nodes)
        await asyncio.sleep(later_s)
        await worker(b, "W", limit=0)
        await asyncio.sleep(5 * _LEASE_S)
        assert len(await take(b, "other")) == 1

    play(scene)


@pytest.mark.parametrize("after_s", [2, 5, 8, 11, 14, 17])
def test_who_sees_to_the_dead_may_die_over_it(after_s: float):
    """An answer is lost with its node; so is whoever noticed, before it could be given back."""

    async def scene(nodes: Nodes) -> None:
        b, c = await nodes.begin("b"), await nodes.begin("c")  # the first has the duty
        a = await nodes.begin("a")
        await a.register([FLOW], [TaskDefinition(name="do")])
        await a.start_execution("flow", b"{}")
        assert len((await worker(a, "W", limit=1)).work) == 1
        await asyncio.sleep(NODE_LEASE_S)
        await nodes.kill(a)
        died, found = now(), list[Assignment]()
        while now() - died < 10 * _LEASE_S and not found:
            if b in nodes.alive and now() - died > _LEASE_S + after_s:
                await nodes.kill(b)
            await worker(c, "W", limit=0)
            await asyncio.sleep(_LEASE_S / 5)
            found += await take(c, "other")
        assert len(found) == 1
        assert b not in nodes.alive

    play(scene)


@pytest.mark.parametrize("lived_s", [0, NODE_LEASE_S])
def test_what_a_node_that_ends_gave_to_a_worker_that_dies_is_given_to_another(lived_s: float):
    async def scene(nodes: Nodes) -> None:
        a, b, _ = await with_work(nodes)
        await asyncio.sleep(lived_s)
        await a.stop()
        await asyncio.sleep(2 * _LEASE_S)
        assert len(await take(b, "other")) == 1

    play(scene)


def test_what_a_node_that_ends_could_not_give_back_goes_to_another():
    async def scene(nodes: Nodes) -> None:
        a, b = await nodes.begin("a"), await nodes.begin("b")
        await a.register([FLOW], [TaskDefinition(name="do")])
        await a.start_execution("flow", b"{}")
        assert len(await take(a, "local/a/crew")) == 1
        await a.stop()
        await asyncio.sleep(2 * NODE_LEASE_S)
        assert len(await take(b, "other")) == 1

    play(scene)
