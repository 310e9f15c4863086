"""What is particular to the ledger in PostgreSQL: lost connections, who serves it, plans, texts."""

import asyncio

import pytest

from dev.services.server import Server
from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.errors import LeaseLostError, StoreBusyError, StoreError
from pavane.ports.ledger import ALL, RowKey
from pavane.testing.contracts.ledger.harness import (
    STEP,
    aside,
    bare,
    event,
    first,
    opened,
    outgoing,
    revision,
    second,
)
from tests.contract.wire import Cut, Wire
from tests.postgres import ask

pytestmark = pytest.mark.anyio

FILLED = 2000
WORK = 64


@pytest.mark.parametrize("cut", ["before", "after", "late"])
async def test_a_commit_whose_answer_is_lost_is_made_once(postgres_schema: str, cut: Cut):
    async with Wire(postgres_schema) as wire, opened(PostgresLedger(wire.url)) as ledger:
        await ledger.commit([first("a")])
        wire.cut = cut
        assert await ledger.commit([second("a"), first("b")]) == set()
        assert wire.cuts == 1
        assert await revision(ledger, "a") == 2
        assert len(await ledger.log_after(0, 99)) == 5
        assert await ledger.commit([second("b")]) == set()


async def test_it_goes_on_after_a_restart_of_the_server(own_postgres: Server):
    """It is still the one that serves it, and no other gets in."""
    url = f"{own_postgres.url}?schema=goes_on"
    async with opened(PostgresLedger(url, lease_s=30.0)) as ledger:
        await ledger.commit([first("a")])
        for n, end in enumerate((own_postgres.kill, own_postgres.stop)):
            await asyncio.to_thread(end)
            await asyncio.to_thread(own_postgres.start)
            assert await ledger.commit([second("a", n + 1, done=[], taken=[])]) == set()
            with pytest.raises(StoreBusyError):
                await PostgresLedger(url, lease_s=30.0).open()
        assert not ledger.is_lost


async def test_who_takes_it_during_a_restart_has_it(own_postgres: Server):
    """The one that had it before is put out: it does not serve beside the other."""
    url = f"{own_postgres.url}?schema=taken"
    ledger = PostgresLedger(url)
    await ledger.open()
    await ledger.commit([first("a")])
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.start)
    async with opened(PostgresLedger(url)) as other:
        assert await other.commit([second("a")]) == set()
        with pytest.raises(LeaseLostError) as refusal:
            await ledger.commit([second("a")])
        assert refusal.value.remedy
        async with asyncio.timeout(5):
            await ledger.lost()
        await ledger.close()
        assert await other.commit([first("b")]) == set()


async def test_a_commit_of_a_former_holder_is_refused_by_the_server(postgres_schema: str):
    """Also where its session lives on: the generation is checked inside the transaction."""
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        await ledger.commit([first("a")])
        await ask(postgres_schema, "UPDATE holder SET generation = generation + 1")
        with pytest.raises(LeaseLostError):
            await ledger.commit([second("a")])
        assert ledger.is_lost
    rows = await ask(postgres_schema, "SELECT revision FROM execution WHERE id = 'a'")
    assert rows[0][0] == 1


async def test_a_stores_schema_is_no_ledgers(postgres_schema: str):
    async with opened(PostgresLedger(postgres_schema)):
        pass
    from pavane.adapters.postgres.store import PostgresStore

    with pytest.raises(StoreError, match="holds a ledger, not a store") as refusal:
        await PostgresStore(postgres_schema).open()
    assert refusal.value.remedy


@pytest.mark.parametrize("count", [1, 64])
async def test_a_batch_of_any_size_is_one_round_trip(postgres_schema: str, count: int):
    async with Wire(postgres_schema) as wire, opened(PostgresLedger(wire.url)) as ledger:
        await ledger.commit([first("warm")])
        await ledger.load({"warm": [STEP, RowKey("step", ALL)]})
        before, answers = ledger.counters.copy(), wire.answers
        assert await ledger.commit([first(f"a{n}") for n in range(count)]) == set()
        await ledger.load({f"a{n}": [STEP, RowKey("step", ALL)] for n in range(count)})
        told = ledger.counters.since(before)
        assert (told["round_trips"], told["statements"], told["commits"]) == (2, 2, 1)
        assert wire.answers - answers == 2


async def test_nothing_of_the_hot_path_reads_a_whole_table(postgres_schema: str):
    """Counted by the server itself, while the tables fill and when they are full."""
    schema = postgres_schema.rpartition("=")[2]
    sql = """SELECT coalesce(sum(seq_scan), 0)::int FROM pg_stat_user_tables WHERE schemaname = $1
        AND relname NOT IN ('meta', 'writer', 'holder', 'offset')"""
    read = "SELECT sum(idx_tup_read)::int FROM pg_stat_user_indexes WHERE schemaname = $1"
    async with opened(PostgresLedger(postgres_schema)):
        pass  # what makes the indexes reads the tables
    made = (await ask(postgres_schema, sql, schema))[0][0]
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        for n in range(0, FILLED, 500):
            assert await ledger.commit([first(f"{m:05}") for m in range(n, n + 500)]) == set()
    before = (await ask(postgres_schema, read, schema))[0][0]
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        ids = [f"{n:05}" for n in range(WORK)]
        await ledger.load({id: [STEP, RowKey("step", ALL)] for id in ids})
        assert len(await ledger.seen([f"message-{id}-1" for id in ids])) == WORK
        assert await ledger.commit([second(id) for id in ids]) == set()
        assert await ledger.commit([second(ids[0]), first("new")]) == {0}
        assert len(await ledger.log_after(0, 10)) == len(await ledger.due(1 << 40, 10)) == 10
        assert await ledger.next_due() == 9000
        assert len(await ledger.work(("", ""), 10)) == len(await ledger.aside(limit=10)) == 10
        assert len(await ledger.aside("parked", 10)) == 10
    assert (await ask(postgres_schema, sql, schema))[0][0] == made
    assert (await ask(postgres_schema, read, schema))[0][0] - before < 40 * WORK


async def test_the_log_forgets_its_beginning_and_never_its_end(postgres_schema: str):
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        for n in range(6):
            records = [outgoing(f"{n}")]
            await ledger.commit([bare("a", n, records=records, at=100 * n)])
        assert await ledger.prune_log(3, 200) == 2
        assert [record.position for record in await ledger.log_after(0, 99)] == [3, 4, 5, 6]
        assert await ledger.prune_log(99, 1 << 60) == 3
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        await ledger.commit([bare("a", 6, records=[outgoing("6")])])
        assert [record.position for record in await ledger.log_after(0, 99)] == [6, 7]


async def test_a_reason_with_a_nul_is_kept_with_a_sign_for_it(postgres_schema: str):
    async with opened(PostgresLedger(postgres_schema)) as ledger:
        dead = aside("m", "dead", reason="no\0good", event=event("m", data=b"\0"))
        out = outgoing("o", data=b"\0\0")
        assert await ledger.commit([bare("a", aside=[dead], records=[out])]) == set()
        (kept,) = await ledger.aside()
        assert kept.reason == "no\u2400good"
        assert kept.event.data == b"\0"
        assert (await ledger.log_after(0, 9))[0].out == out
