"""The budget of a batch on PostgreSQL: what one execution costs, 64 together cost."""

import asyncio

import pytest

from bench import order
from bench.load import Load
from pavane.adapters.postgres.store import PostgresStore
from pavane.bootstrap import running_engine
from pavane.core.model.rows import Key
from pavane.core.model.status import COMPLETED
from pavane.engine.engine import Engine
from pavane.ports.store import Bound, Change, Unit
from pavane.testing.contracts.store.harness import each, finish, header, opened, start, task
from tests.contract.wire import Wire

pytestmark = pytest.mark.anyio

COMMIT = {"statements": 1, "round_trips": 1, "commits": 1}
LOAD = {"statements": 1, "round_trips": 1, "commits": 0}
AGAIN = {"statements": 4, "round_trips": 4, "commits": 1}  # refused, two to judge, written
FULL = {"statements": 5, "round_trips": 5, "commits": 1}  # one more to judge


def begun(name: str, count: int) -> list[Change]:
    return [start(f"{name}{n:03}", key=f"{name}{n}") for n in range(count)]


def bounded(name: str, count: int) -> list[Unit]:
    """Each takes a place of a queue, and begins at a rate."""
    bounds = [Bound(name, count), Bound(name, count, within_ms=1000, at=1)]
    return [Unit([change], bounds) for change in begun(name, count)]


def ended(name: str, count: int) -> list[Change]:
    return [finish(f"{name}{n:03}") for n in range(count)]


@pytest.mark.parametrize("count", [1, 64, 512])
async def test_a_batch_of_any_size_is_one_round_trip(postgres_schema: str, count: int):
    """As the counters say, and as many answers as the server gives."""
    async with Wire(postgres_schema) as wire, opened(PostgresStore(wire.url)) as store:
        before, answers = store.counters.copy(), 0

        def told() -> dict[str, int]:
            nonlocal before, answers
            since = store.counters.since(before)
            assert wire.answers - answers == since["round_trips"]
            before, answers = store.counters.copy(), wire.answers
            return {name: since[name] for name in COMMIT}

        await store.commit(each(begun("warm", 1)))  # statements are prepared once
        keys: set[Key] = {("task", "reserve"), ("value", "input"), ("open", "")}
        await store.load({"warm000": keys})
        assert await store.commit(each(begun("warm", 1))) == {0}
        before, answers = store.counters.copy(), wire.answers

        assert await store.commit(each(begun("a", count))) == set()
        assert told() == COMMIT
        found = await store.load({change.header.id: keys for change in begun("a", count)})
        assert all(rows.tasks["reserve"] for rows in found.values())
        assert told() == LOAD
        assert await store.commit(each(ended("a", count))) == set()
        assert told() == COMMIT
        assert await store.commit(each([*begun("a", 1), *begun("b", count)])) == {0}
        assert told() == AGAIN
        assert await store.commit(bounded("c", count)) == set()
        assert told() == COMMIT
        assert await store.commit(bounded("c", 1) + each(begun("d", count))) == {0}
        assert told() == FULL


async def test_a_changed_task_that_is_not_there_is_written_whole(postgres_schema: str):
    """Its input is not sent with a change; where it is needed after all, another call brings it."""
    async with opened(PostgresStore(postgres_schema)) as store:
        await store.commit(each(begun("a", 2)))
        before = store.counters.copy()
        missing = task("a000", "ship", status=COMPLETED, input=b'{"all":1}', output=b'{"ok":1}')
        there = task("a001", "reserve", status=COMPLETED, input=b"not this")
        changes = [Change(header("a000", 2), tasks=[missing]), Change(header("a001", 2))]
        changes[1].tasks.append(there)
        assert await store.commit(each(changes)) == set()
        since = store.counters.since(before)
        assert (since["round_trips"], since["commits"], since["rows.task"]) == (2, 1, 2)
        keys: set[Key] = {("task", "ship"), ("task", "reserve")}
        found = await store.load({"a000": keys, "a001": keys})
        assert found["a000"].tasks["ship"] == missing
        kept = found["a001"].tasks["reserve"]
        assert kept is not None
        assert (kept.status, kept.input) == (COMPLETED, b'{"a":1}'), "what was there stays"


@pytest.mark.parametrize("in_flight", [1, 64])
async def test_orders_that_come_together_cost_as_one(postgres_schema: str, in_flight: int):
    """Three steps are four commits; whoever starts, waits and reads is answered together."""
    async with Wire(postgres_schema) as wire:
        store = PostgresStore(wire.url)
        async with running_engine(store, services=order.SERVICES) as engine:
            await engine.register([order.definition()])
            load = Load(engine)
            await _stop_what_looks_now_and_then(engine)
            await load.many(4 * in_flight, in_flight)  # each connection prepares once
            before, answers = store.counters.copy(), wire.answers
            await load.many(in_flight, in_flight)
            since = store.counters.since(before)
            assert wire.answers - answers == since["round_trips"]
    told = {name: since[name] for name in ("statements", "round_trips", "commits", "loads")}
    # Which definitions are newest; four commits; where it stands, and what came of it.
    assert told == {"statements": 7, "round_trips": 7, "commits": 4, "loads": 2}
    rows = {name: since[f"rows.{name}"] // in_flight for name in store.counters.rows}
    assert rows == {"execution": 4, "task": 6, "ready": 6, "value": 2, "log": 4}


async def _stop_what_looks_now_and_then(engine: Engine) -> None:
    """Beats, alarms, schedules: what a node does at rest, by the clock."""
    for looking in engine._running[1:]:
        looking.cancel()
    await asyncio.gather(*engine._running[1:], return_exceptions=True)
