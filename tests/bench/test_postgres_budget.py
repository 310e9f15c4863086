"""The budget of a batch on PostgreSQL: what one execution costs, 64 together cost."""

import pytest

from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.rows import Key
from pavane.ports.store import Bound, Change, Unit
from pavane.testing.contracts.store.harness import each, finish, opened, start
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
