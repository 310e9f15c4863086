"""What is particular to a store in a file: its plans, its counters, its log."""

import asyncio
import re
from pathlib import Path

import apsw
import pytest

from pavane.adapters.sqlite import checkpointer, queries
from pavane.adapters.sqlite.connection import PAGE_SIZE
from pavane.adapters.sqlite.store import SqliteStore
from pavane.core.model.rows import Value
from pavane.errors import StoreError
from pavane.ports.store import Change, Search
from pavane.testing.contracts.store.harness import (
    dump,
    each,
    finish,
    header,
    one,
    opened,
    revision,
    start,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pavane.db"


# --- plans --------------------------------------------------------------------------------------


def plan(connection: apsw.Connection, sql: str) -> list[str]:
    places = max(map(int, re.findall(r"\?(\d+)", sql)), default=sql.count("?"))
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("",) * places)
    return [str(row[3]) for row in rows]


def scans(steps: list[str]) -> list[str]:
    """Steps that read a whole table or index; a scan of a subquery reads only what that gave."""
    given = {f"SCAN {step.removeprefix('CO-ROUTINE ')}" for step in steps if "CO-ROUTINE" in step}
    found = [step for step in steps if re.match(r"SCAN (?!\(|CONSTANT)", step)]
    return [step for step in found if step not in given]


async def test_no_statement_of_the_hot_path_scans(path: Path):
    await SqliteStore(path).open()
    connection = apsw.Connection(str(path))
    assert len(queries.HOT) > 15
    for name, sql in queries.HOT.items():
        assert not scans(plan(connection, sql)), name
    assert scans(plan(connection, queries.COUNTS)), "this test would not see a scan"
    connection.close()


@pytest.mark.parametrize(
    "wanted",
    [
        Search(statuses=("FAILED",)),
        Search(statuses=("FAILED", "RUNNING"), before="x"),
        Search(workflow="w"),
        Search(workflow="w", statuses=("FAILED",), before="x"),
        Search(key="k"),
        Search(workflow="w", key="k"),
        Search(parent_id="p"),
    ],
)
async def test_a_search_reads_no_more_than_it_shows(path: Path, wanted: Search):
    async with opened(SqliteStore(path)):
        connection = apsw.Connection(str(path))
        sql, _ = queries.search(wanted)
        assert not scans(plan(connection, sql))
        connection.close()


# --- commits ------------------------------------------------------------------------------------


async def test_the_counters_are_exact(path: Path):
    async with opened(SqliteStore(path)) as store:
        before = store.counters.copy()
        await store.commit(each([start("a"), start("b")]))
        payload = 2 * len(b'{"a":1}' + b'{"order":7}' + b'["started"]')
        assert without_pages(store.counters.since(before)) == {
            "statements": 7,  # BEGIN, header, task, value, ready, log, COMMIT
            "commits": 1,
            "loads": 0,
            "lost": 0,
            "checkpoints": 0,
            "payload_bytes": payload,
            "rows.execution": 2,
            "rows.task": 2,
            "rows.ready": 2,
            "rows.value": 2,
            "rows.log": 2,
        }
        before = store.counters.copy()
        await store.load({"a": {("task", "reserve"), ("value", "input")}, "b": set()})
        assert store.counters.since(before)["statements"] == 5  # one per kind, in a transaction
        before = store.counters.copy()
        assert await store.commit(each([finish("a"), finish("b", 7)])) == {1}
        told = store.counters.since(before)
        assert (told["lost"], told["rows.execution"], told["commits"]) == (1, 1, 1)
        assert told["wal_pages"] > 0


def without_pages(told: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in told.items() if name != "wal_pages"}


async def test_a_header_that_keeps_its_status_leaves_the_indexes_alone(path: Path):
    """Also when what the store remembers of it is wrong."""
    async with opened(SqliteStore(path)) as store:
        await store.commit(each([start("a"), start("b", alarm_at=5)]))
        steady = [Change(header("a", 2)), Change(header("b", 2, alarm_at=5))]
        before = store.counters.copy()
        assert await store.commit(each(steady)) == set()
        assert store.counters.since(before)["statements"] == 3
        assert store._writer is not None
        store._writer.remember(header("a", 9, status="FAILED"))
        store._writer.remember(header("b", 9, alarm_at=0))
        wrong = [Change(header("a", 3, status="FAILED")), Change(header("b", 3, alarm_at=0))]
        assert await store.commit(each(wrong)) == set()
        assert await store.due(99, 9) == []
        async with store.snapshot() as view:
            assert [h.id for h in await view.search(Search(statuses=("FAILED",)))] == ["a"]


async def test_a_cancelled_caller_does_not_stop_the_commit(path: Path):
    async with opened(SqliteStore(path)) as store:
        for n in range(30):
            committing = asyncio.ensure_future(store.commit(one(start(f"{n}"))))
            for _ in range(n % 4):
                await asyncio.sleep(0)
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)
        assert await store.commit(one(start("last"))) == set()
        assert (await dump(store))["log"]


@pytest.mark.parametrize("commit_thread", [True, False])
async def test_the_write_ahead_log_stays_small(path: Path, *, commit_thread: bool):
    log = path.with_name(path.name + "-wal")
    longest = 0
    async with opened(SqliteStore(path, durable=False, commit_thread=commit_thread)) as store:
        for n in range(1, 300):
            values = [Value("a", f"var:{m}", b"x" * 8000) for m in range(60)]
            await store.commit(one(Change(header("a", n), values=values)))
            longest = max(longest, log.stat().st_size)
        assert store.counters.wal_pages > 3 * checkpointer.LONG
        assert store.counters.checkpoints >= 2
    assert longest < 2 * checkpointer.LONG * PAGE_SIZE
    assert not log.exists()


async def test_a_long_snapshot_lets_the_log_grow_and_no_longer(path: Path):
    log = path.with_name(path.name + "-wal")
    async with opened(SqliteStore(path, durable=False)) as store:

        async def write(first: int) -> int:
            for n in range(first, first + 200):
                values = [Value("a", f"var:{m}", b"x" * 8000) for m in range(60)]
                assert await store.commit(one(Change(header("a", n), values=values))) == set()
            return log.stat().st_size

        async with store.snapshot() as view:
            grown = await write(1)
            assert await view.header("a") is None
        assert grown > 2 * checkpointer.LONG * PAGE_SIZE
        assert await write(201) < grown + checkpointer.LONG * PAGE_SIZE
        assert await write(401) < grown + checkpointer.LONG * PAGE_SIZE


async def test_an_error_in_the_middle_leaves_the_store_usable(path: Path):
    """A text that no encoding knows is the engine's to find; the store survives it."""
    async with opened(SqliteStore(path)) as store:
        bad = Change(header("b"), values=[Value("b", "\ud800", b"1")])
        with pytest.raises((UnicodeEncodeError, StoreError)):
            await store.commit([*one(start("a")), *one(bad)])
        assert await revision(store, "a") == 0
        assert await store.commit(one(start("a"))) == set()
