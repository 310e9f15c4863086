"""Limits of tasks in virtual time: whoever takes them, and over deaths."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model.rows import Ready
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Outcome
from pavane.engine.engine import Engine
from pavane.ports.store import Store
from pavane.sdk.client import Client
from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, workflow
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run

begun: list[float] = []  # when an attempt began
at_once: list[int] = []  # how many ran then
running: list[int] = []

yard = Service("yard", concurrency=50)


class Cart(msgspec.Struct):
    n: int
    owner: str | None = None


async def _work(n: int, seconds: float) -> int:
    running.append(n)
    begun.append(round(asyncio.get_running_loop().time(), 3))
    at_once.append(len(running))
    try:
        await asyncio.sleep(seconds)
    finally:
        running.remove(n)
    return n


@yard.task(max_running=2)
async def load(n: int) -> int:
    return await _work(n, 1)


@yard.task(rate="3/10s")
async def weigh(n: int) -> int:
    return await _work(n, 0.5)


@yard.task(max_running=1, concurrency_key="cart.owner")
async def fill(cart: Cart) -> int:
    return await _work(cart.n, 1)


@yard.task
async def wave(n: int) -> int:
    return n


@workflow
async def loading(n: int) -> int:
    return await load(n)


@workflow
async def weighing(n: int) -> int:
    return await weigh(n)


@workflow
async def filling(cart: Cart) -> int:
    return await fill(cart)


@workflow
async def waving(n: int) -> int:
    return await wave(n)


@workflow
async def loading_three() -> list[int]:
    a, b, c = await gather(load(1), load(2), load(3))
    return [a, b, c]


WORKFLOWS = [loading, weighing, filling, waving, loading_three]


class Looks(MemoryStore):
    """Counts the looks into the queue of each task."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[str] = []

    async def ready(self, queue: str, now: int, limit: int) -> list[Ready]:
        self.looks.append(queue)
        return await super().ready(queue, now, limit)


@asynccontextmanager
async def at_work(
    store: Store | None = None, services: list[Service] | None = None
) -> AsyncGenerator[tuple[Engine, Client]]:
    async with running_engine(
        store or MemoryStore(),
        services=[yard] if services is None else services,
        workflows=WORKFLOWS,
        clock=VirtualClock(),
        chance=random.Random(1),
    ) as engine:
        yield engine, Client.embedded(engine)


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await scene()

    for each in (begun, at_once, running):
        each.clear()
    return run(main(), limit_s=10_000)


async def results(client: Client, of: Any, count: int) -> list[int]:
    runs = [await client.start(of, n) for n in range(count)]
    return [await each.result() for each in runs]


def test_no_more_run_at_once_and_all_of_them_run() -> None:
    async def scene() -> list[int]:
        async with at_work() as (_, client):
            return await results(client, loading, 9)

    assert play(scene) == list(range(9))
    assert max(at_once) == 2
    assert begun == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_branches_of_one_execution_share_the_places() -> None:
    async def scene() -> list[int]:
        async with at_work() as (_, client):
            return await (await client.start(loading_three)).result()

    assert play(scene) == [1, 2, 3]
    assert max(at_once) == 2 and begun == [0, 0, 1]


def test_no_more_begin_within_the_time_of_the_rate() -> None:
    async def scene() -> list[int]:
        async with at_work() as (_, client):
            return await results(client, weighing, 8)

    assert play(scene) == list(range(8))
    assert begun == [0, 0, 0, 10, 10, 10, 20, 20]


def test_what_waits_blocks_no_other_task_and_is_not_looked_for() -> None:
    async def scene() -> Looks:
        store = Looks()
        async with at_work(store) as (_, client):
            waiting = [await client.start(loading, n) for n in range(200)]
            await asyncio.sleep(0.5)
            store.looks.clear()
            assert await results(client, waving, 20) == list(range(20))
            assert asyncio.get_running_loop().time() < 0.6
            assert "load" not in store.looks
            await asyncio.sleep(10)
            looked = store.looks.count("load")
            assert looked <= 2 * 10, "at most once for each place that becomes free"
            assert len(waiting) == 200
            return store

    play(scene)
    assert max(at_once) == 2


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_death_loses_no_place_and_forgets_no_rate(kind: str, tmp_path: Path) -> None:
    """A worker of another process has two; whoever starts anew counts them, until they end."""

    async def scene() -> None:
        store: Any = MemoryStore()
        if kind == "sqlite":
            store = SqliteStore(tmp_path / "yard.db", commit_thread=False)
        async with at_work(store, []) as (engine, client):
            await engine.register(tasks=[load.definition, weigh.definition], overwrite=True)
            for n in range(4):
                await client.start(loading, n)
                await client.start(weighing, n)
            assert len(await engine.poll(["load"], "far/1", 10)) == 2
            assert len(await engine.poll(["weigh"], "far/1", 2)) == 2
        store = store.crash()
        async with at_work(store, []) as (engine, _):
            await asyncio.sleep(5)
            assert await engine.poll(["load"], "far/2", 10) == []
            assert len(await engine.poll(["weigh"], "far/2", 10)) == 1
            assert await engine.poll(["weigh"], "far/2", 10) == []
            (first, _) = [r for r in await store.leases("far/1") if r.queue == "load"]
            done = Outcome(first.execution_id, first.ref, first.attempt, "COMPLETED")
            assert await engine.report(done)
            assert len(await engine.poll(["load"], "far/2", 10)) == 1
            await asyncio.sleep(5)
            assert len(await engine.poll(["weigh"], "far/2", 10)) == 1

    play(scene)


def test_a_place_is_free_when_its_execution_is_stopped() -> None:
    async def scene() -> list[float]:
        async with at_work() as (_, client):
            first = [await client.start(loading, n) for n in range(2)]
            last = await client.start(loading, 9)
            await asyncio.sleep(0.25)
            await first[0].terminate()
            await last.result()
            return begun

    assert play(scene) == [0, 0, 0.25]


def test_a_limit_that_is_raised_or_taken_away_lets_more_run_at_once() -> None:
    async def scene() -> None:
        async with at_work() as (engine, client):
            runs = [await client.start(loading, n) for n in range(6)]
            await asyncio.sleep(0.5)
            assert len(running) == 2
            more = TaskDefinition(name="load", service="yard", concurrent_exec_limit=3)
            await engine.register(tasks=[more])
            await asyncio.sleep(0.1)
            assert len(running) == 3
            await engine.register(tasks=[TaskDefinition(name="load", service="yard")])
            await asyncio.sleep(0.1)
            assert len(running) == 6
            for each in runs:
                await each.result()

    play(scene)


def test_what_is_more_urgent_gets_the_next_place() -> None:
    async def scene() -> list[int]:
        order: list[int] = []
        async with at_work() as (_, client):
            runs = [await client.start(loading, n) for n in range(5)]
            runs.append(await client.start(loading, 99, priority=9))
            while len(order) < 6:
                order += [n for n in running if n not in order]
                await asyncio.sleep(0.1)
            for each in runs:
                await each.result()
        return order

    assert play(scene)[:3] == [0, 1, 99]


def test_polls_of_many_workers_at_once_take_no_more_than_there_is() -> None:
    async def scene() -> None:
        async with at_work(services=[]) as (engine, client):
            await engine.register(tasks=[load.definition], overwrite=True)
            for n in range(20):
                await client.start(loading, n)
            found = await asyncio.gather(
                *(engine.poll(["load", "wave"], f"w/{n}", 3) for n in range(10))
            )
            assert sum(map(len, found)) == 2
            (given, *_) = [each for some in found for each in some]
            done = Outcome(given.execution_id, given.ref, 0, "COMPLETED", worker=given.worker)
            assert await engine.report(done)
            assert len(await engine.poll(["load"], "w/x", 3)) == 1

    play(scene)


def carts(*owners: str | None) -> list[Cart]:
    return [Cart(n, owner) for n, owner in enumerate(owners)]


async def filled(client: Client, *owners: str | None) -> None:
    runs = [await client.start(filling, cart) for cart in carts(*owners)]
    for each in runs:
        await each.result()


def test_places_are_counted_for_each_key_and_keys_take_turns() -> None:
    async def scene() -> None:
        async with at_work() as (_, client):
            await filled(client, "a", "a", "a", "b", "b", "c", None, None)

    play(scene)
    assert max(at_once) == 4, "one of each, and those without a key share one"
    assert begun == [0, 0, 0, 0, 1, 1, 1, 2]


def test_thousands_that_wait_for_their_key_cost_the_others_nothing() -> None:
    async def scene() -> None:
        store = Looks()
        async with at_work(store, []) as (engine, client):
            await engine.register(tasks=[fill.definition], overwrite=True)
            for n in range(300):
                await client.start(filling, Cart(n, f"owner-{n // 3}"))
            first = await engine.poll(["fill"], "w", 1000)
            assert len(first) == 100, "one of each key, and two more wait for each"
            await client.start(filling, Cart(0, "somebody else"))
            store.looks.clear()
            (other,) = await engine.poll(["fill"], "w", 1000)
            assert b"somebody else" in other.input
            assert len(store.looks) <= 4, "only where there is a place"
            store.looks.clear()
            assert await engine.poll(["fill"], "w", 1000) == []
            assert len(store.looks) == 1
            done = Outcome(first[0].execution_id, first[0].ref, 0, "COMPLETED", worker="w")
            assert await engine.report(done)
            (following,) = await engine.poll(["fill"], "w", 1000)
            owner = msgspec.json.decode(first[0].input)["cart"]["owner"]
            assert msgspec.json.decode(following.input)["cart"]["owner"] == owner

    play(scene)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_after_a_death_the_places_of_each_key_are_known(kind: str, tmp_path: Path) -> None:
    async def scene() -> None:
        store: Any = MemoryStore()
        if kind == "sqlite":
            store = SqliteStore(tmp_path / "yard.db", commit_thread=False)
        async with at_work(store, []) as (engine, client):
            await engine.register(tasks=[fill.definition], overwrite=True)
            for cart in carts("a", "a", "b", "b"):
                await client.start(filling, cart)
            assert len(await engine.poll(["fill"], "far/1", 10)) == 2
            await client.start(filling, Cart(9, "c"))
        store = store.crash()
        async with at_work(store, []) as (engine, _):
            (given,) = await engine.poll(["fill"], "far/2", 10)
            assert msgspec.json.decode(given.input)["cart"]["owner"] == "c"
            for lease in await store.leases("far/1"):
                assert await engine.report(
                    Outcome(lease.execution_id, lease.ref, lease.attempt, "COMPLETED")
                )
            assert len(await engine.poll(["fill"], "far/2", 10)) == 2

    play(scene)


def test_signs_of_life_and_retries_keep_the_count_right() -> None:
    async def scene() -> None:
        async with at_work(services=[]) as (engine, client):
            await engine.register(tasks=[fill.definition], overwrite=True)
            for cart in carts("a", "a", "a"):
                await client.start(filling, cart)
            for _ in range(3):
                (given,) = await engine.poll(["fill"], "w", 10)
                assert await engine.heartbeat(given.execution_id, given.ref, 0, "w")
                assert await engine.poll(["fill"], "w", 10) == []
                failed = Outcome(given.execution_id, given.ref, 0, "FAILED", worker="w")
                assert await engine.report(failed)
            await asyncio.sleep(1)  # their retries may be taken
            seen: list[int] = []
            for _ in range(3):
                (given,) = await engine.poll(["fill"], "w", 10)
                seen.append(msgspec.json.decode(given.input)["cart"]["n"])
                done = Outcome(given.execution_id, given.ref, 1, "COMPLETED", worker="w")
                assert given.attempt == 1 and await engine.report(done)
            assert sorted(seen) == [0, 1, 2]

    play(scene)
