"""What is particular to the store in PostgreSQL: its plans, its counters, its texts, its access."""

import asyncio

import pytest

from pavane.adapters.postgres.store import PostgresStore
from pavane.core.model.rows import Key, Ready
from pavane.errors import InputError, StoreError, UsageError
from pavane.ports.store import Change, Search, StoredWorkflow
from pavane.testing.contracts.store.harness import (
    dump,
    each,
    finish,
    header,
    load,
    one,
    opened,
    revision,
    start,
    task,
)
from tests.postgres import ask

pytestmark = pytest.mark.anyio

FILLED = 3000
WORK = 64

_SCANS = """SELECT coalesce(sum(seq_scan), 0)::int FROM pg_stat_user_tables
    WHERE schemaname = $1 AND relname NOT IN ('meta', 'writer')"""
_READ = """SELECT coalesce(sum(idx_tup_read), 0)::int FROM pg_stat_user_indexes
    WHERE schemaname = $1"""


# --- plans --------------------------------------------------------------------------------------


async def test_nothing_of_the_hot_path_reads_a_whole_table(postgres_schema: str):
    """Counted by the server itself, while the tables fill and when they are full."""
    schema = postgres_schema.rpartition("=")[2]
    async with opened(PostgresStore(postgres_schema)):
        pass  # what makes the indexes reads the tables
    made = await scans(schema, postgres_schema)
    async with opened(PostgresStore(postgres_schema)) as store:
        for first in range(0, FILLED, 500):
            ids = [f"{n:05}" for n in range(first, first + 500)]
            changes = [start(id, key=id, alarm_at=1 + int(id)) for id in ids]
            assert await store.commit(each(changes)) == set()
    assert await scans(schema, postgres_schema) == made
    before = (await ask(postgres_schema, _READ, schema))[0][0]
    async with opened(PostgresStore(postgres_schema)) as store:
        await step(store)
    assert await scans(schema, postgres_schema) == made
    read = (await ask(postgres_schema, _READ, schema))[0][0] - before
    assert read < 25 * WORK
    async with opened(PostgresStore(postgres_schema)) as store, store.snapshot() as view:
        await view.counts()
    counted = (await ask(postgres_schema, _READ, schema))[0][0] - before - read
    assert counted >= FILLED, "this test would not see a scan"


async def scans(schema: str, url: str) -> int:
    """How often tables were read from end to end so far."""
    return (await ask(url, _SCANS, schema))[0][0]


async def step(store: PostgresStore) -> None:
    """What the engine does all the time, for a batch."""
    ids = [f"{n:05}" for n in range(7, 7 + WORK)]
    keys: set[Key] = {("task", "reserve"), ("value", "input"), ("open", "")}
    found = await store.load(dict.fromkeys(ids, keys))
    assert all(rows.header and rows.tasks["reserve"] for rows in found.values())
    assert len(await store.find_keys([("fulfil_order", id) for id in ids])) == WORK
    assert await store.commit(each([finish(id) for id in ids])) == set()
    assert await store.commit(each([finish(ids[0]), start("new")])) == {0}
    assert len(await store.ready("do_reserve", 1 << 40, 10)) == 10
    assert len(await store.due(1 << 40, 10)) == 10
    assert await store.next_alarm() == 1
    async with store.snapshot() as view:
        assert len(await view.tasks(ids[0])) == 1
        assert len(await view.log(ids[0])) == 2
        assert len(await view.log_after(0, 10)) == 10
        for wanted in (
            Search(statuses=("COMPLETED",), limit=10),
            Search(statuses=("FAILED", "RUNNING"), before="02000", limit=10),
            Search(workflow="fulfil_order", limit=10),
            Search(workflow="fulfil_order", statuses=("RUNNING",), limit=10),
            Search(key=ids[0]),
            Search(parent_id="p"),
            Search(limit=10),
        ):
            assert len(await view.search(wanted)) in {0, 1, 10}


# --- commits ------------------------------------------------------------------------------------


async def test_the_counters_are_exact(postgres_schema: str):
    async with opened(PostgresStore(postgres_schema)) as store:
        before = store.counters.copy()
        await store.commit(each([start("a"), start("b")]))
        assert store.counters.since(before) == {
            "statements": 1,
            "round_trips": 1,
            "commits": 1,
            "loads": 0,
            "lost": 0,
            "tellings": 0,
            "payload_bytes": 2 * len(b'{"a":1}' + b'{"order":7}' + b'["started"]'),
            "rows.execution": 2,
            "rows.task": 2,
            "rows.ready": 2,
            "rows.value": 2,
            "rows.log": 2,
        }
        before = store.counters.copy()
        await store.load({"a": {("task", "reserve"), ("value", "input")}, "b": set()})
        assert store.counters.since(before)["round_trips"] == 1
        before = store.counters.copy()
        assert await store.commit(each([finish("a"), finish("b", 7)])) == {1}
        told = store.counters.since(before)
        assert (told["lost"], told["rows.execution"], told["commits"]) == (1, 1, 1)
        assert told["round_trips"] == 4  # refused, two to judge, written


async def test_a_cancelled_caller_does_not_stop_the_commit(postgres_schema: str):
    async with opened(PostgresStore(postgres_schema)) as store:
        for n in range(30):
            committing = asyncio.ensure_future(store.commit(one(start(f"{n}"))))
            for _ in range(n % 4):
                await asyncio.sleep(0)
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)
        assert await store.commit(one(start("last"))) == set()
        assert [await revision(store, f"{n}") for n in range(1, 30) if n % 4] == [1] * 22


async def test_a_commit_waits_for_the_disk(postgres_schema: str):
    """Also where the database's own setting does not."""
    assert await how_it_commits(postgres_schema) == "on"
    name = postgres_schema.partition("?")[0].rpartition("/")[2]
    await ask(postgres_schema, f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        assert await how_it_commits(postgres_schema) == "on"
    finally:
        await ask(postgres_schema, f"ALTER DATABASE {name} RESET synchronous_commit")


async def how_it_commits(url: str) -> str:
    async with opened(PostgresStore(url)) as store, store._writer._pool.lent() as connection:
        return await connection.fetchval("SHOW synchronous_commit")


# --- texts --------------------------------------------------------------------------------------


async def test_a_reason_with_a_nul_is_kept_with_a_sign_for_it(postgres_schema: str):
    """PostgreSQL keeps no NUL in a text, and an execution must be able to fail all the same."""
    async with opened(PostgresStore(postgres_schema)) as store:
        bad = task("a", "reserve", reason="what\0is", status="FAILED")
        change = Change(header("a", reason="a\0b"), new_tasks=[bad])
        assert await store.commit([*one(change), *one(start("b"))]) == set()
        found = await load(store, "a", ("task", "reserve"))
        assert found.header is not None and found.header.reason == "a\u2400b"
        assert found.tasks["reserve"] is not None
        assert found.tasks["reserve"].reason == "what\u2400is"
        assert await revision(store, "b") == 1


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
async def test_a_name_that_is_no_text_is_refused(postgres_schema: str, text: str):
    """By whoever sent it, and the store goes on."""
    async with opened(PostgresStore(postgres_schema)) as store:
        for call in (
            store.commit(one(start("a", key=text))),
            store.commit(one(Change(header("a"), ready=[Ready("a", text, 0)]))),
            store.find_keys([("w", text)]),
            store.load({text: set()}),
        ):
            with pytest.raises(InputError) as refusal:
                await call
            assert refusal.value.remedy
        assert await store.commit(one(start("a"))) == set()
        assert (await dump(store))["log"]


# --- access -------------------------------------------------------------------------------------


async def test_reading_beside_a_server(postgres_schema: str):
    async with opened(PostgresStore(postgres_schema)) as server:
        await server.put_definition("h", b"{}", 1)
        await server.commit(one(start("a")))
        async with opened(PostgresStore(postgres_schema, read_only=True)) as reader:
            async with reader.snapshot() as view:
                assert await server.commit(one(finish("a"))) == set()
                assert await view.header("a") == header("a")
            assert await reader.definition("h") == b"{}"
            for write in (reader.commit(one(start("b"))), reader.put_definition("x", b"", 1)):
                with pytest.raises(StoreError, match="reading only") as refusal:
                    await write
                assert refusal.value.remedy


async def test_many_snapshots_at_once_do_not_stop_the_engine(postgres_schema: str):
    """Who looks waits for others who look; who works does not."""
    async with opened(PostgresStore(postgres_schema)) as store:
        inside = 0
        leave = asyncio.Event()

        async def look() -> None:
            nonlocal inside
            async with store.snapshot() as view:
                inside += 1
                await leave.wait()
                await view.counts()

        looking = [asyncio.ensure_future(look()) for _ in range(20)]
        while inside < 8:  # noqa: ASYNC110 - those who come in say no more than that
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await store.commit(one(start("a")))
            assert await revision(store, "a") == 1
        leave.set()
        await asyncio.gather(*looking)
        assert inside == 20


@pytest.mark.parametrize(
    ("spoil", "message", "error"),
    [
        (lambda url: url.replace("/postgres?", "/nowhere?"), "There is no", StoreError),
        (lambda url: url.replace("postgres@", "nobody@"), "refused", StoreError),
        (lambda url: url + "%20x", "cannot be the schema", UsageError),
        (lambda url: url.replace("?schema=", "?schema=pg_"), "cannot be the schema", UsageError),
    ],
)
async def test_a_url_that_leads_nowhere(postgres_schema: str, spoil, message: str, error):
    url = spoil(postgres_schema).replace("@", ":secret@", 1)
    with pytest.raises(error, match=message) as refusal:
        await PostgresStore(spoil(postgres_schema)).open()
    assert refusal.value.remedy
    with pytest.raises(error) as refusal:
        await PostgresStore(url).open()
    assert "secret" not in str(refusal.value)


async def test_workflows_put_by_two_stay(postgres_schema: str):
    async with (
        opened(PostgresStore(postgres_schema)) as one_node,
        opened(PostgresStore(postgres_schema)) as another,
    ):
        await asyncio.gather(
            *(
                node.put_task_definitions({f"t{n}": b"{}" for n in order})
                for node, order in ((one_node, range(50)), (another, range(49, -1, -1)))
            )
        )
        await one_node.put_workflow(StoredWorkflow("w", 1, "h", 5))
        assert await another.workflows() == [StoredWorkflow("w", 1, "h", 5)]
        assert len(await another.task_definitions()) == 50
