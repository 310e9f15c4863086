"""Words between PostgreSQL stores: over lost connections, with many words, and without LISTEN."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from pavane.adapters.postgres.store import PostgresStore
from pavane.ports.members import MISSED
from pavane.testing.contracts.store.harness import each, opened, start
from pavane.testing.contracts.store.members import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(postgres_schema: str) -> AsyncGenerator[tuple[PostgresStore, PostgresStore]]:
    async with (
        opened(PostgresStore(postgres_schema)) as one,
        opened(PostgresStore(postgres_schema)) as two,
    ):
        yield one, two


async def test_a_lost_connection_is_made_anew(pair: tuple[PostgresStore, PostgresStore]):
    """Whoever hears is told that something may have been missed; commits do not notice."""
    one, two = pair
    heard: list[str] = []
    await one.members.hear(lambda words: None)
    await two.members.hear(heard.extend)
    one.members.tell(["before"])
    await until(lambda: heard == ["before"])
    for store in (one, two):
        await _end(store)
    await until(lambda: not two._telling.pids())
    two.members.tell(["to nobody"])
    await one.commit(each([start("a")]))
    await until(lambda: MISSED in heard and bool(one._telling.pids()))
    one.members.tell(["after"])
    await until(lambda: heard == ["before", MISSED, "after"])


async def _end(store: PostgresStore) -> None:
    [pid] = store._telling.pids()
    connection = await asyncpg.connect(store.place.dsn)
    await connection.execute(f"SELECT pg_terminate_backend({pid})")
    await connection.close()


async def test_words_are_gathered_and_none_is_too_long(
    pair: tuple[PostgresStore, PostgresStore],
):
    """While one notification is under way the next one is filled; too many become one."""
    one, two = pair
    heard: list[str] = []
    await one.members.hear(lambda words: None)
    await two.members.hear(heard.extend)
    words = [f"e{n:036}" for n in range(1000)]
    for word in words:
        one.members.tell([word])
    await until(lambda: len(heard) == len(words))
    assert heard == words
    assert one.counters.tellings <= 7, "180 of such words fit into one"
    before = one.counters.copy()
    one.members.tell([f"x{n}" for n in range(5000)])
    await until(lambda: len(heard) > len(words))
    assert heard[len(words) :] == [MISSED]
    since = one.counters.since(before)
    assert (since["tellings"], since["round_trips"], since["commits"]) == (1, 0, 0)


async def test_a_url_may_say_not_to_listen(postgres_schema: str):
    """Then no connection is made for it, and nothing is told."""
    silent = postgres_schema + "&listen=no"
    async with opened(PostgresStore(silent)) as one, opened(PostgresStore(silent)) as two:
        for store in (one, two):
            assert not await store.members.hear(lambda words: None)
            assert store._telling.pids() == []
        one.members.tell(["word"])
        await asyncio.sleep(0)
        assert one.counters.tellings == 0
