"""The loader that fills a store for benchmarks writes what the store itself would have written."""

from pathlib import Path

import pytest

from bench.bulk_load import WORKFLOW, fill
from pavane.adapters.sqlite.store import SqliteStore
from pavane.ports.store import Search
from pavane.testing.contracts.store.harness import each, opened, start

pytestmark = pytest.mark.anyio


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    fill(tmp_path / "pavane.db", 120, 300)
    return tmp_path / "pavane.db"


async def test_bulk_loaded_runs_are_whole_and_ended(loaded: Path):
    async with opened(SqliteStore(loaded)) as store, store.snapshot() as view:
        runs = await view.search(Search(limit=999))
        assert len(runs) == 120
        assert [run.id for run in runs] == sorted((run.id for run in runs), reverse=True)
        assert [run.created_at for run in runs] == sorted(
            (run.created_at for run in runs), reverse=True
        )
        assert await view.counts() == {(WORKFLOW, "COMPENSATED"): 3, (WORKFLOW, "COMPLETED"): 117}
        for run in runs[:3]:
            assert [task.seq for task in await view.tasks(run.id)] == [1, 2, 3]
            assert len((await view.values(run.id))["input"]) == 300
            assert len(await view.log(run.id)) == 4
            assert await view.ready(run.id) == []
        assert await store.next_alarm() == 0
        assert await store.definition(runs[0].definition)


async def test_bulk_loaded_store_works_on(loaded: Path):
    async with opened(SqliteStore(loaded)) as store:
        assert await store.commit(each([start("f"), start("g", key="bulk-7")])) == set()
        taken = start("h", workflow=WORKFLOW, key="bulk-7")
        assert await store.commit(each([taken])) == {0}
