"""Partitions by time: made beside who writes, ahead of what comes; gone whole when all is over."""

import asyncio
import time
from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from pavane.adapters.copying import copy
from pavane.adapters.postgres import spans as spans_module
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.spans import Span, Spans
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.postgres.whole import PostgresWhole
from pavane.adapters.sqlite.store import SqliteStore
from pavane.adapters.sqlite.whole import SqliteWhole
from pavane.core.model.ids import execution_id
from pavane.core.model.rows import Key
from pavane.core.model.status import COMPLETED
from pavane.ports.store import Change
from pavane.testing.contracts.store.harness import dump, each, finish, one, opened, revision, start
from tests.contract.test_postgres_schema import scans
from tests.postgres import ask

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000
KEEP_MS = spans_module.WIDTHS * HOUR_MS  # so that a span is an hour
NOW = 1_000 * HOUR_MS


def ended(at: int, n: int = 0) -> Change:
    """An execution that began and ended then."""
    return start(execution_id(at, n), status=COMPLETED, ended_at=at + 1, created_at=at)


def running(at: int, n: int = 0) -> Change:
    return start(execution_id(at, n), created_at=at)


async def spans(store: PostgresStore) -> list[Span]:
    return await Spans(store._arrange).found()


async def rows(url: str, table: str) -> int:
    return (await ask(url, f'SELECT count(*) FROM "{table}"'))[0][0]


@pytest.fixture
async def store(postgres_schema: str) -> AsyncGenerator[PostgresStore]:
    async with opened(PostgresStore(postgres_schema)) as store:
        yield store


async def test_without_retention_nothing_is_partitioned(store: PostgresStore):
    await store.commit(each([ended(NOW)]))
    assert await store.past.forget([ended(NOW).header.id], NOW + 9)
    assert await store.past.sweep(10) == 4
    assert await spans(store) == []


async def test_what_there_was_is_the_first_and_others_are_made_ahead(store: PostgresStore):
    await store.commit(each([ended(NOW - HOUR_MS), running(NOW)]))
    before = await dump(store)
    await store.past.prepare(NOW, KEEP_MS)
    first = Span(0, NOW + HOUR_MS)
    assert await spans(store) == [first, Span(first.until, NOW + 2 * HOUR_MS)]
    assert await dump(store) == before
    await store.past.prepare(NOW + HOUR_MS, KEEP_MS)
    await store.past.prepare(NOW + HOUR_MS, KEEP_MS)
    found = await spans(store)
    assert [span.until - NOW for span in found] == [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]
    assert all(a.until == b.since for a, b in pairwise(found))


async def test_a_span_goes_whole_when_all_in_it_is_over(store: PostgresStore, postgres_schema: str):
    await store.past.prepare(NOW, KEEP_MS)
    at = NOW + HOUR_MS + 5  # in the second span
    await store.commit(each([ended(at, n) for n in range(50)]))
    ids = [execution_id(at, n) for n in range(50)]
    later = at + KEEP_MS + 2
    assert await store.past.forget(ids, later - KEEP_MS) == set(ids)
    assert await store.past.sweep(1000) == 0, "its rows are left to the span"
    assert await rows(postgres_schema, "task") == 50
    await store.past.prepare(later, KEEP_MS)
    assert await rows(postgres_schema, "task") == 50, "others in it may still be over later"
    await store.past.prepare(later + HOUR_MS, KEEP_MS)
    for table in ("task", "value", "log", "forgotten", "execution"):
        assert await rows(postgres_schema, table) == 0, table
    assert Span(NOW + HOUR_MS, NOW + 2 * HOUR_MS) not in await spans(store)


async def test_what_is_removed_while_somebody_sweeps_is_swept_too(
    store: PostgresStore, postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    """A person removes it in the moment in which the round of the node finds nothing to do."""
    await store.past.prepare(NOW, KEEP_MS)
    await store.commit(each([ended(NOW)]))
    past, write = store.past, store.past._write

    async def removed_meanwhile(sql: str, /, *values: object) -> list[Any]:
        rows = await write(sql, *values)
        monkeypatch.setattr(past, "_write", write)
        assert await past.forget([execution_id(NOW, 0)], NOW + 9, wipe=True)
        return rows

    monkeypatch.setattr(past, "_write", removed_meanwhile)
    assert await past.sweep(100) == 0
    assert await past.sweep(100) == 4
    assert await rows(postgres_schema, "task") == 0


async def test_who_goes_on_moves_out_of_an_old_span(store: PostgresStore, postgres_schema: str):
    await store.past.prepare(NOW, KEEP_MS)
    at = NOW + HOUR_MS + 5
    await store.commit(each([ended(at, n) for n in range(5)] + [running(at, 7)]))
    slow, later = execution_id(at, 7), at + KEEP_MS + 2 * HOUR_MS
    await store.past.forget([execution_id(at, n) for n in range(5)], later - KEEP_MS)
    await store.past.prepare(later, KEEP_MS)
    assert Span(NOW + HOUR_MS, NOW + 2 * HOUR_MS) not in await spans(store)
    assert await rows(postgres_schema, "task_default") == await rows(postgres_schema, "task") == 1
    assert await store.commit(one(finish(slow))) == set()
    async with store.snapshot() as view:
        assert [each.status for each in await view.tasks(slow)] == [COMPLETED]
        assert len(await view.log(slow)) == 2 and len(await view.values(slow)) == 2
    assert await store.past.forget([slow], later) == {slow}
    assert await store.past.sweep(100) == 6  # in no span any more: row by row
    assert await rows(postgres_schema, "log") == 0


async def test_an_old_span_waits_while_many_go_on(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spans_module, "_STRAGGLERS", 3)
    await store.past.prepare(NOW, KEEP_MS)
    at = NOW + HOUR_MS + 5
    await store.commit(each([running(at, n) for n in range(4)]))
    old = Span(NOW + HOUR_MS, NOW + 2 * HOUR_MS)
    await store.past.prepare(at + KEEP_MS + 2 * HOUR_MS, KEEP_MS)
    assert old in await spans(store)
    assert await store.commit(one(finish(execution_id(at, 0)))) == set()
    assert await store.past.forget([execution_id(at, 0)], NOW * 2)
    await store.past.prepare(at + KEEP_MS + 2 * HOUR_MS, KEEP_MS)
    assert old not in await spans(store) and await revision(store, execution_id(at, 3)) == 1


async def test_rows_where_nobody_had_prepared_stay_and_spans_go_on_behind(
    store: PostgresStore, postgres_schema: str
):
    """Nobody had the retention for long; and a clock is ahead."""
    await store.past.prepare(NOW, KEEP_MS)
    at = NOW + 100 * HOUR_MS
    await store.commit(each([ended(at), running(at + 2 * 60_000)]))
    await store.past.prepare(at, KEEP_MS)
    assert await spans(store) == [], "old ones are empty and gone, rows are in the way of new ones"
    await store.past.prepare(at + 5 * 60_000, KEEP_MS)
    assert max(span.until for span in await spans(store)) > at + HOUR_MS
    assert await rows(postgres_schema, "task_default") == 2
    assert await store.past.forget([execution_id(at, 0)], at + HOUR_MS)
    assert await store.past.sweep(100) == 4


async def test_a_large_store_stays_as_it_is(store: PostgresStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spans_module, "_LARGEST", 1)
    await store.past.prepare(NOW, KEEP_MS)
    assert await spans(store) == []


async def test_who_reads_for_long_keeps_nobody_from_writing(store: PostgresStore):
    """The lock is not had: all goes on, and the next time it is tried again."""
    place = place_of(store.url)
    reader = await asyncpg.connect(place.dsn)
    await reader.execute(f'SET search_path = "{place.schema}"; BEGIN; SELECT * FROM task')
    preparing = asyncio.create_task(store.past.prepare(NOW, KEEP_MS))
    begun = time.monotonic()
    while not preparing.done():
        n = int((time.monotonic() - begun) * 1000)
        async with asyncio.timeout(10):
            assert await store.commit(one(running(NOW, n + 1))) == set()
        await asyncio.sleep(0.002)
    await preparing
    assert await spans(store) == []
    await reader.close()
    await store.past.prepare(NOW, KEEP_MS)
    assert len(await spans(store)) == 2


async def test_nodes_that_write_meanwhile_notice_nothing(store: PostgresStore):
    """Their statements were prepared, and their functions made, for the tables of before."""
    async with opened(PostgresStore(store.url)) as other:
        written: list[str] = []
        over = asyncio.Event()

        async def write(node: PostgresStore, which: int) -> None:
            while not over.is_set():
                id = execution_id(NOW + len(written), which)
                assert await node.commit(one(running(NOW + len(written), which))) == set()
                wanted: set[Key] = {("task", "reserve"), ("value", "input")}
                found = (await node.load({id: wanted}))[id]
                assert found.tasks["reserve"] and found.values["input"]
                assert await node.commit(one(finish(id))) == set()
                written.append(id)

        writers = [asyncio.create_task(write(node, n)) for n, node in enumerate((store, other))]
        for hour in range(8):
            await asyncio.sleep(0.1)
            await other.past.prepare(NOW + hour * HOUR_MS, KEEP_MS)
        over.set()
        await asyncio.gather(*writers)
        assert len(await spans(store)) == 8 and len(written) > 20
        assert not any(span.since == 0 for span in await spans(store)), "the first was let go"
        async with store.snapshot() as view:
            for id in written:
                assert len(await view.tasks(id)) == 1 and len(await view.log(id)) == 2
            assert len(await view.log_after(0, 1 << 20)) == 2 * len(written)


async def test_nothing_of_the_hot_path_reads_a_whole_table(store: PostgresStore):
    """In spans as without them."""
    for hour in range(8):
        await store.past.prepare(NOW + hour * HOUR_MS, KEEP_MS)
    at = [NOW + (n % 8) * HOUR_MS + n for n in range(400)]
    schema = place_of(store.url).schema
    async with opened(PostgresStore(store.url)) as fresh:
        await fresh.commit(each([running(at[0], 999)]))
        made = await scans(schema, store.url)
        assert await fresh.commit(each([running(each_, n) for n, each_ in enumerate(at)])) == set()
        ids = [execution_id(each_, n) for n, each_ in enumerate(at)][:64]
        keys: set[Key] = {("task", "reserve"), ("value", "input"), ("open", "")}
        found = await fresh.load(dict.fromkeys(ids, keys))
        assert all(each_.tasks["reserve"] for each_ in found.values())
        assert await fresh.commit(each([finish(id) for id in ids])) == set()
        async with fresh.snapshot() as view:
            assert len(await view.log(ids[0])) == 2 and len(await view.log_after(0, 100)) == 100
    async with opened(PostgresStore(store.url)):
        pass
    assert await scans(schema, store.url) == made


async def test_a_store_in_spans_is_copied_with_what_is_to_be_swept(
    store: PostgresStore, tmp_path: object
):
    await store.past.prepare(NOW, KEEP_MS)
    await store.commit(each([ended(NOW, 1), running(NOW, 2)]))
    assert await store.past.forget([execution_id(NOW, 1)], NOW + 9)
    await store.close()
    path = f"{tmp_path}/copy.db"
    await copy(PostgresWhole(store.place), SqliteWhole(path))
    async with opened(SqliteStore(path)) as copied:
        while await copied.past.sweep(10):
            pass
        async with copied.snapshot() as view:
            assert len(await view.tasks(execution_id(NOW, 2))) == 1
            assert [e.execution_id for e in await view.log_after(0, 9)] == [execution_id(NOW, 2)]
