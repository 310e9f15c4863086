"""Ledgers that only workers use forget what is old, also where several processes share one."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pavane import Service
from pavane.adapters.postgres.place import place_of
from pavane.adapters.postgres.shared import SharedResults
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap.ledgers import ledgers_of_tasks
from pavane.bootstrap.opening import SystemClock
from pavane.ports.results import Result

pytestmark = pytest.mark.anyio

MANY = 3500  # more than three pieces


def old(count: int) -> list[Result]:
    return [Result(f"old-{n}", b"{}", 1000 + n) for n in range(count)]


async def test_processes_that_prune_at_once_share_the_work(postgres_schema: str):
    processes = [SharedResults(postgres_schema) for _ in range(3)]
    for each in processes:
        await each.open()
    first = processes[0].results
    await first.record([*old(MANY), Result("new", b"{}", 10_000)])
    pruned = await asyncio.gather(*(each.results.prune_results(9000) for each in processes))
    assert sum(pruned) == MANY, "each row is taken by one"
    assert set(await first.find(["old-0", f"old-{MANY - 1}", "new"])) == {"new"}
    assert await processes[1].results.prune_results(9000) == 0
    for each in processes:
        await each.close()


async def test_who_prunes_waits_for_nobody(postgres_schema: str):
    """What another one is taking away is left to it."""
    shared = SharedResults(postgres_schema)
    await shared.open()
    await shared.results.record(old(10))
    place = place_of(postgres_schema)
    other: Any = await asyncpg.connect(place.dsn)
    try:
        async with other.transaction():
            table = f'"{place.schema}".pavane_result'
            await other.execute(f"DELETE FROM {table} WHERE key = 'old-3'")
            async with asyncio.timeout(5):
                assert await shared.results.prune_results(9000) == 9
    finally:
        await other.close()
        await shared.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("keep_s", [0.4, 0.0])
async def test_workers_forget_beside_their_work(
    kind: str, keep_s: float, tmp_path: Path, postgres_schema: str
):
    clock, service = SystemClock(), Service("till")
    url = postgres_schema if kind == "postgresql" else f"sqlite:///{tmp_path / 'till.db'}"
    async with ledgers_of_tasks([service], url, clock, keep_s) as ledgers:
        results = ledgers["till"]
        now = clock.now()
        await results.record(
            [Result("old", b"{}", now - 60_000), Result("late", b"{}", now + 60_000)]
        )
        assert len(await results.find(["old", "late"])) == 2, "never at once"
        await asyncio.sleep(0.1)
        found: dict[str, Result] = {}
        for _ in range(100 if keep_s else 5):
            found = await results.find(["old", "late"])
            if len(found) < 2:
                break
            await asyncio.sleep(0.05)
        assert set(found) == ({"late"} if keep_s else {"old", "late"})


async def test_without_room_it_goes_on_and_forgets_later(tmp_path: Path):
    """An error is one of this round."""
    clock, service = SystemClock(), Service("till")
    path = tmp_path / "till.db"
    failed: list[int] = []
    real = SqliteLedger.prune_results

    async def prune(self: SqliteLedger, before: int) -> int:
        from pavane.errors import StoreFullError

        if not failed:
            failed.append(before)
            raise StoreFullError("no room")
        return await real(self, before)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteLedger, "prune_results", prune)
        async with ledgers_of_tasks([service], f"sqlite:///{path}", clock, 0.2) as ledgers:
            await ledgers["till"].record(old(3))
            for _ in range(100):
                if not await ledgers["till"].find(["old-0", "old-1", "old-2"]):
                    break
                await asyncio.sleep(0.05)
            assert failed
            assert await ledgers["till"].find(["old-0"]) == {}
