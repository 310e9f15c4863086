"""Forgetting on PostgreSQL beside others who write, and who forget: one state, whoever is first."""

import asyncio
import random
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.ids import execution_id
from pavane.core.model.rows import Ready
from pavane.core.model.status import COMPLETED, FAILED, RUNNING
from pavane.ports.store import Change, Unit
from pavane.testing.contracts.store.harness import each, header, opened, revision, start
from tests.postgres import ask

pytestmark = pytest.mark.anyio

_ENDED_AT = 2_000
_LATE = 1 << 60
_TABLES = ("execution", "task", "value", "ready", "log", "forgotten")


def _id(n: int) -> str:
    return execution_id(1_000, n)


def _ended(n: int, parent: str = "", status: str = FAILED) -> Change:
    return start(_id(n), status=status, ended_at=_ENDED_AT, parent_id=parent)


async def _rows(url: str) -> dict[str, int]:
    return {name: (await ask(url, f"SELECT count(*) FROM {name}"))[0][0] for name in _TABLES}


@pytest.fixture
async def stores(postgres_schema: str) -> AsyncGenerator[list[PostgresStore]]:
    """Opened on one schema."""
    found = [PostgresStore(postgres_schema) for _ in range(3)]
    for store in found:
        await store.open()
    yield found
    await asyncio.gather(*(store.close() for store in found))


async def test_who_is_writing_when_it_is_forgotten_comes_first(stores: list[PostgresStore]):
    """A retry that has begun to commit, with a child and a mark that nobody sees yet."""
    store = stores[0]
    await store.commit(each([_ended(1), _ended(2, _id(1)), _ended(3)]))
    place = place_of(store.url)
    other = await asyncpg.connect(place.dsn)
    await other.execute(f'SET search_path = "{place.schema}"; BEGIN')
    # Ended again already: what gives it away is its revision alone.
    sql = "UPDATE execution SET revision = 3, ended_at = 2001 WHERE id = $1"
    await other.execute(sql, _id(1))
    forgetting = asyncio.create_task(store.past.forget([_id(1), _id(3)], _LATE))
    await asyncio.sleep(0.3)
    assert not forgetting.done(), "it looks before it has the lock"
    await other.execute("COMMIT")
    await other.close()
    assert await forgetting == {_id(3)}
    assert [await revision(store, _id(n)) for n in (1, 2, 3)] == [3, 1, 0]


@pytest.mark.parametrize("seed", range(3))
async def test_each_family_is_whole_or_gone_whoever_was_first(
    stores: list[PostgresStore], postgres_schema: str, seed: int
):
    """Retries with a new child, and forgetting, at the same moment, from several processes."""
    print(f"seed {seed}")
    dice = random.Random(seed)
    families = range(0, 60, 10)
    for n in families:
        await stores[0].commit(each([_ended(n), _ended(n + 1, _id(n)), _ended(n + 2, _id(n + 1))]))
    retried: set[int] = set()
    forgotten: set[str] = set()

    async def retry(store: PostgresStore, n: int) -> None:
        await asyncio.sleep(dice.random() / 50)
        again = Change(header(_id(n), 2, status=RUNNING), ready=[Ready(_id(n), "c", 0)])
        if not await store.commit([Unit([again, start(_id(n + 5), parent_id=_id(n))])]):
            retried.add(n)

    async def forget(store: PostgresStore, some: list[int]) -> None:
        await asyncio.sleep(dice.random() / 50)
        forgotten.update(await store.past.forget([_id(n) for n in some], _LATE))

    every = list(families)
    work = [forget(store, dice.sample(every, 3)) for store in stores for _ in range(2)]
    work += [retry(stores[n % 3], n) for n in dice.sample(every, 4)]
    dice.shuffle(work)
    await asyncio.gather(*work)
    assert not forgotten & {_id(n) for n in retried}
    for n in every:
        found = [bool(await revision(stores[1], _id(n + k))) for k in (0, 1, 2, 5)]
        assert found == [_id(n) not in forgotten] * 3 + [n in retried], (n, found)
    while sum(await asyncio.gather(*(store.past.sweep(3) for store in stores))):
        pass
    left = 3 * (len(every) - len(forgotten)) + len(retried)
    rows = await _rows(postgres_schema)
    assert rows["execution"] == rows["task"] == rows["value"] == left
    assert rows["ready"] == left + len(retried) and rows["forgotten"] == 0


async def test_several_who_sweep_do_not_count_twice(
    stores: list[PostgresStore], postgres_schema: str
):
    many = [_ended(n, status=COMPLETED) for n in range(100)]
    await stores[0].commit(each(many))
    ids = [_id(n) for n in range(100)]
    gone = await asyncio.gather(*(store.past.forget(ids, _LATE) for store in stores))
    assert sum(map(len, gone)) == 100
    swept = 0
    while piece := sum(await asyncio.gather(*(store.past.sweep(40) for store in stores))):
        assert piece <= 3 * 60
        swept += piece
    assert swept == 4 * 100  # a task, a value, an entry, and that there was something left
    assert set((await _rows(postgres_schema)).values()) == {0}


async def test_positions_go_up_where_a_swept_log_was_restored_elsewhere(postgres_schema: str):
    """There transactions are counted anew, and no entry is left to say how far they had come."""
    far = 1 << 40
    async with opened(PostgresStore(postgres_schema)) as store:
        await store.commit(each([_ended(1)]))
        await ask(postgres_schema, f"UPDATE log SET position = position + ({far}::bigint << 20)")
        await store.past.forget([_id(1)], _LATE)
        while await store.past.sweep(10):
            pass
    async with opened(PostgresStore(postgres_schema)) as store:
        await store.commit(each([_ended(2)]))
        async with store.snapshot() as view:
            [entry] = await view.log_after(0, 9)
        assert entry.position > far << 20
