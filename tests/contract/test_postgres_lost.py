"""Connections that are lost: whoever commits is told the truth, and all goes on by itself."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from dev.services.server import Server
from pavane.adapters.postgres.store import PostgresStore
from pavane.errors import StoreError
from pavane.testing.contracts.store.harness import each, finish, one, opened, revision, start
from tests.contract.wire import Cut, Wire
from tests.postgres import ask

pytestmark = pytest.mark.anyio


@pytest.fixture
async def wire(postgres_schema: str) -> AsyncGenerator[Wire]:
    async with Wire(postgres_schema) as wire:
        yield wire


@pytest.mark.parametrize("cut", ["before", "after", "late"])
async def test_a_commit_whose_answer_is_lost_is_made_once(
    wire: Wire, postgres_schema: str, cut: Cut
):
    """Whether or not it has reached the server: it has won, and has not lost to itself."""
    async with opened(PostgresStore(wire.url)) as store:
        await store.commit(each([start("a"), start("b")]))
        wire.cut = cut
        assert await store.commit(each([finish("a"), start("c", key="k")])) == set()
        assert wire.cuts == 1
        assert await revision(store, "a") == 2
        assert await store.find_keys([("fulfil_order", "k")]) == {("fulfil_order", "k"): "c"}
        assert await store.commit(one(finish("b"))) == set()
        async with store.snapshot() as view:
            assert [entry.execution_id for entry in await view.log_after(0, 99)] == list("abacb")
    assert await ask(postgres_schema, "SELECT id FROM writer") == []


async def test_a_late_commit_finds_nothing_to_do(wire: Wire, postgres_schema: str):
    """What was on its way when the connection was lost is refused when it arrives at last."""
    async with opened(PostgresStore(wire.url)) as store:
        await store.commit(one(start("a")))
        wire.cut = "late"
        assert await store.commit(one(start("b"))) == set()
        said = await wire.deliver()
        assert b"PV002" in said
        async with store.snapshot() as view:
            assert [entry.execution_id for entry in await view.log_after(0, 99)] == ["a", "b"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_batch_with_losers_whose_answer_is_lost(wire: Wire, cut: Cut):
    """The losers are the same as if nothing had happened."""
    async with opened(PostgresStore(wire.url)) as store:
        await store.commit(each([start("a"), start("b")]))
        for again in range(2):  # the first try finds that somebody loses; the second writes
            wire.cut = cut if again else ""
            batch = [finish("a", 2 + again), start("b"), start(f"c{again}")]
            assert await store.commit(each(batch)) == {1}
        assert wire.cuts == 1


async def until_more(answered: list[str]) -> None:
    """Wait until some commits more have been answered."""
    enough = len(answered) + 20
    async with asyncio.timeout(60):
        while len(answered) < enough:  # noqa: ASYNC110 - it is another task's own list
            await asyncio.sleep(0.01)


async def test_reads_and_commits_pass_over_a_restart(own_postgres: Server):
    """Each call waits until the server is back; nothing is lost, nothing comes twice."""
    async with opened(PostgresStore(own_postgres.url)) as store:
        answered: list[str] = []
        stop = asyncio.Event()

        async def commit(name: str) -> None:
            n = 0
            while not stop.is_set():
                assert await store.commit(one(start(f"{name}-{n}"))) == set()
                answered.append(f"{name}-{n}")
                assert await revision(store, f"{name}-{n}") == 1
                n += 1

        working = [asyncio.ensure_future(commit(name)) for name in "abc"]
        for end in (own_postgres.kill, own_postgres.stop, own_postgres.kill):
            await until_more(answered)
            await asyncio.to_thread(end)
            await asyncio.to_thread(own_postgres.start)
        await until_more(answered)
        stop.set()
        await asyncio.gather(*working)
        async with store.snapshot() as view:
            told = [entry.execution_id for entry in await view.log_after(0, 1_000_000)]
        assert sorted(told) == sorted(answered)


async def test_a_server_that_is_gone_is_said(own_postgres: Server, monkeypatch: pytest.MonkeyPatch):
    """After a while, in words; and it is found again."""
    monkeypatch.setattr("pavane.adapters.postgres.pool.PATIENCE_S", 0.2)
    monkeypatch.setattr("pavane.adapters.postgres.committer.PATIENCE_S", 0.2)
    monkeypatch.setattr("pavane.adapters.postgres.snapshot.PATIENCE_S", 0.2)
    async with opened(PostgresStore(f"{own_postgres.url}?schema=said")) as store:
        await store.commit(one(start("a")))
        await asyncio.to_thread(own_postgres.stop)
        for call in (store.find_keys([]), store.commit(one(finish("a"))), store.next_alarm()):
            with pytest.raises(StoreError, match="cannot be reached") as refusal:
                await call
            assert refusal.value.remedy
        with pytest.raises(StoreError, match="cannot be reached"):
            async with store.snapshot():
                pass
        await asyncio.to_thread(own_postgres.start)
        assert await store.commit(one(finish("a"))) == set()
    with pytest.raises(StoreError, match="cannot be reached"):
        await PostgresStore("postgresql://postgres@127.0.0.1:1/postgres").open()


async def test_a_doubt_that_nobody_can_settle_ends_the_service(
    wire: Wire, postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    """What is not known is not told: neither that it was written nor that it was not."""
    monkeypatch.setattr("pavane.adapters.postgres.committer.DOUBT_S", 0.5)
    store = PostgresStore(wire.url)
    await store.open()
    await store.commit(one(start("a")))
    wire.cut, wire.for_good = "after", True
    with pytest.raises(StoreError, match="could not be found out") as refusal:
        await store.commit(one(finish("a")))
    assert "Restart" in refusal.value.remedy
    wire.is_down = False
    with pytest.raises(StoreError, match="could not be found out"):
        await store.commit(one(start("b")))
    await store.close()
    async with opened(PostgresStore(postgres_schema)) as reborn:
        assert await revision(reborn, "a") == 2
        assert await revision(reborn, "b") == 0
