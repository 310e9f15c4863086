"""Several processes on one PostgreSQL database: each wins or loses, and nobody waits in a ring."""

import asyncio
import random
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.rows import Header
from pavane.ports.store import Bound, Change, Unit
from pavane.testing.contracts.store.harness import each, finish, header, one, revision, start

pytestmark = pytest.mark.anyio

NODES = 4


@pytest.fixture
async def nodes(postgres_schema: str) -> AsyncGenerator[list[PostgresStore]]:
    """Opened at the same time on an empty schema: one of them makes it."""
    nodes = [PostgresStore(postgres_schema) for _ in range(NODES)]
    await asyncio.gather(*(node.open() for node in nodes))
    yield nodes
    await asyncio.gather(*(node.close() for node in nodes))


async def test_each_revision_is_written_by_one(nodes: list[PostgresStore]):
    """Everybody changes the same executions, in batches of any order, at the same time."""
    dice = random.Random(7)
    ids = [f"{n:02}" for n in range(12)]
    await nodes[0].commit(each([start(id) for id in ids]))
    won: list[tuple[str, int]] = []
    paced = [Bound(name, 1000, within_ms=1000, at=1) for name in ("x", "a")]

    async def work(node: PostgresStore) -> None:
        for _ in range(25):
            found = await node.load({id: set() for id in dice.sample(ids, 6)})
            headers = [rows.header for rows in found.values() if rows.header]
            changes = [_following(before) for before in headers]
            dice.shuffle(changes)
            units = [Unit(changes[:2], paced), *each(changes[2:])]
            lost = await node.commit(units)
            for index, unit in enumerate(units):
                if index not in lost:
                    won.extend((c.header.id, c.header.revision) for c in unit.changes)

    await asyncio.gather(*(work(node) for node in nodes for _ in range(2)))
    assert sum(node.counters.lost for node in nodes) > 20, "nobody got in the way of another"
    assert len(won) == len(set(won))
    for id in ids:
        last = max(n for known, n in won if known == id)
        assert sorted(n for known, n in won if known == id) == list(range(2, last + 1))
        assert await revision(nodes[1], id) == last
    async with nodes[2].snapshot() as view:
        log = await view.log_after(0, 10_000)
        assert len(log) == len(ids) + len(won)
        for id in ids:
            told = [int(e.entries) for e in await view.log(id) if e.entries != b'["started"]']
            assert told == list(range(2, len(told) + 2)), "the log is not in the order of revisions"


def _following(before: Header) -> Change:
    after = header(before.id, before.revision + 1)
    return Change(after, entries=str(after.revision).encode(), at=1)


async def test_a_start_key_goes_to_one(nodes: list[PostgresStore]):
    """Whoever comes at the same time, in whatever order."""
    dice = random.Random(11)
    for turn in range(12):
        keys = [f"{turn}-{n}" for n in range(8)]

        async def begin(n: int, keys: list[str] = keys, turn: int = turn) -> set[str]:
            mine = dice.sample(keys, len(keys))
            changes = [start(f"{turn}-{n}-{key}", key=key) for key in mine]
            lost = await nodes[n].commit(each(changes))
            return {key for index, key in enumerate(mine) if index not in lost}

        won = await asyncio.gather(*(begin(n) for n in range(NODES)))
        assert sorted(key for keys in won for key in keys) == sorted(keys)
        found = await nodes[0].find_keys([("fulfil_order", key) for key in keys])
        for n, theirs in enumerate(won):
            for key in theirs:
                assert found["fulfil_order", key] == f"{turn}-{n}-{key}"


async def test_who_waits_in_a_ring_is_tried_again(nodes: list[PostgresStore], postgres_schema: str):
    """Nodes lock in one order; somebody else may not, and the server ends one of the two."""
    await nodes[0].commit(each([start("a"), start("b")]))
    place = place_of(postgres_schema)
    other = await asyncpg.connect(place.dsn)
    try:
        await other.execute(f'SET search_path = "{place.schema}"; SET deadlock_timeout = 30000')
        await other.execute("BEGIN; UPDATE execution SET reason = 'x' WHERE id = 'b'")
        committing = asyncio.ensure_future(nodes[0].commit(each([finish("a"), finish("b")])))
        async with asyncio.timeout(30):
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not await other.fetchval(waits):  # noqa: ASYNC110 - the server tells of no event
                await asyncio.sleep(0.01)
        before = nodes[0].counters.round_trips
        await other.execute("UPDATE execution SET reason = 'x' WHERE id = 'a'")
        await other.execute("COMMIT")
        assert await committing == set()
        assert nodes[0].counters.round_trips > before, "there was no ring"
        assert await revision(nodes[1], "a") == 2
    finally:
        await other.close()


async def test_a_reader_of_the_log_misses_nobody_who_commits_late(
    nodes: list[PostgresStore], postgres_schema: str
):
    """What begins first and commits last stands in front: until then nothing behind is given."""
    store = nodes[0]
    await store.commit(one(start("first")))
    place = place_of(postgres_schema)
    slow = await asyncpg.connect(place.dsn)
    try:
        await slow.execute(f'SET search_path = "{place.schema}"; BEGIN')
        await slow.execute("INSERT INTO writer (id, number) VALUES ('slow', 0)")
        position = await slow.fetchval("SELECT pg_current_xact_id()::text::bigint << 20")
        await store.commit(one(start("fast")))
        async with store.snapshot() as view:
            assert [e.execution_id for e in await view.log_after(0, 9)] == ["first"]
            insert = "INSERT INTO log (position, execution_id, at, entries) VALUES ($1, 'x', 1, '')"
            await slow.execute(insert, position + 1)
            await slow.execute("COMMIT")
            # It has ended, but this snapshot cannot see it.
            assert [e.execution_id for e in await view.log_after(0, 9)] == ["first"]
    finally:
        await slow.close()
    async with store.snapshot() as view:
        assert [e.execution_id for e in await view.log_after(0, 9)] == ["first", "x", "fast"]


async def test_strangers_do_not_hold_the_log_up(nodes: list[PostgresStore], postgres_url: str):
    """Whatever else is written on the same server, and for however long."""
    stranger = await asyncpg.connect(postgres_url)
    try:
        await stranger.execute("BEGIN")
        await stranger.fetchval("SELECT pg_current_xact_id()")
        await nodes[0].commit(one(start("a")))
        async with nodes[0].snapshot() as view:
            assert [e.execution_id for e in await view.log_after(0, 9)] == ["a"]
    finally:
        await stranger.close()


async def test_readers_follow_the_log_while_all_commit(nodes: list[PostgresStore]):
    """Who remembers a position has seen everything in front of it, and nothing twice."""
    done = asyncio.Event()

    async def follow(node: PostgresStore) -> list[str]:
        seen: list[str] = []
        position, last = 0, False
        while True:
            async with node.snapshot() as view:
                found = await view.log_after(position, 7)
            seen += [entry.execution_id for entry in found]
            position = found[-1].position if found else position
            if last and not found:
                return seen
            last = done.is_set()

    async def work(n: int) -> None:
        for m in range(30):
            assert await nodes[n].commit(each([start(f"{n}-{m}"), start(f"{n}-{m}-b")])) == set()

    following = [asyncio.ensure_future(follow(nodes[n])) for n in (0, 3)]
    await asyncio.gather(*(work(n) for n in range(NODES)))
    done.set()
    for reader in following:
        seen = await reader
        assert len(seen) == len(set(seen)) == NODES * 30 * 2


async def test_a_restored_database_goes_on_behind_its_log(
    nodes: list[PostgresStore], postgres_schema: str
):
    """In another server transactions are counted anew; positions still go up."""
    await nodes[0].commit(one(start("a")))
    async with nodes[0].snapshot() as view:
        (entry,) = await view.log_after(0, 9)
    far = entry.position + (1 << 50)
    await _ask(postgres_schema, f"UPDATE log SET position = {far}")
    late = PostgresStore(postgres_schema)
    await late.open()
    await late.commit(one(finish("a")))
    async with late.snapshot() as view:
        told = await view.log_after(far, 9)
        assert [e.entries for e in told] == [b'["completed"]']
    await late.close()


async def _ask(url: str, sql: str) -> None:
    place = place_of(url)
    connection = await asyncpg.connect(place.dsn)
    await connection.execute(f'SET search_path = "{place.schema}"; {sql}')
    await connection.close()
