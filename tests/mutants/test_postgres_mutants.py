"""The tests of the PostgreSQL store fail for one that is wrong in a known way."""

import pytest

from pavane.adapters.postgres import past_queries
from pavane.adapters.postgres import snapshot as snapshot_module
from pavane.adapters.postgres import store as store_module
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.postgres.writer import Writer
from pavane.testing.contracts.store.harness import opened
from tests.contract import test_postgres_lost as lost
from tests.contract import test_postgres_nodes as nodes
from tests.contract import test_postgres_past as past
from tests.contract.test_postgres_store import TestPostgresStore as Suite
from tests.contract.wire import Cut, Wire
from tests.mutants import postgres

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("broken", "cut"),
    [
        (postgres.TakesItForUndone, "after"),
        (postgres.TakesItForDone, "before"),
        (postgres.TakesItForDone, "late"),
    ],
)
@pytest.mark.parametrize("wrong", [True, False])
async def test_a_store_that_guesses_is_caught(
    postgres_schema: str,
    monkeypatch: pytest.MonkeyPatch,
    broken: type[Writer],
    cut: Cut,
    *,
    wrong: bool,
):
    monkeypatch.setattr(store_module, "Writer", broken if wrong else Writer)
    async with Wire(postgres_schema) as wire:
        trial = lost.test_a_commit_whose_answer_is_lost_is_made_once(wire, postgres_schema, cut)
        if wrong:
            with pytest.raises(AssertionError):
                await trial
        else:
            await trial


@pytest.mark.parametrize("wrong", [True, False])
async def test_a_store_that_lets_a_late_commit_happen_is_caught(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch, *, wrong: bool
):
    monkeypatch.setattr(store_module, "Writer", postgres.KeepsItsName if wrong else Writer)
    async with Wire(postgres_schema) as wire:
        trial = lost.test_a_late_commit_finds_nothing_to_do(wire, postgres_schema)
        if wrong:
            with pytest.raises(AssertionError):
                await trial
        else:
            await trial


async def test_a_log_that_misses_what_comes_late_is_caught(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(snapshot_module, "PostgresSnapshot", postgres.ReadsAhead)
    trial = nodes.test_a_reader_of_the_log_misses_nobody_who_commits_late
    async with opened(PostgresStore(postgres_schema)) as store:
        with pytest.raises(AssertionError):
            await trial([store], postgres_schema)


async def test_a_log_that_waits_for_strangers_is_caught(
    postgres_schema: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(snapshot_module, "PostgresSnapshot", postgres.ReadsBehind)
    async with opened(PostgresStore(postgres_schema)) as store:
        with pytest.raises(AssertionError):
            await nodes.test_strangers_do_not_hold_the_log_up([store], postgres_url)


@pytest.mark.parametrize(
    "test",
    [
        "test_fenced_a_stale_revision_loses",
        "test_fenced_a_taken_id_loses",
        "test_fenced_a_taken_start_key_loses",
        "test_atomic_a_unit_that_loses_by_its_last_change_leaves_nothing",
    ],
)
async def test_a_store_without_fences_is_caught(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch, test: str
):
    monkeypatch.setattr(store_module, "Writer", postgres.Unfenced)
    async with opened(PostgresStore(postgres_schema)) as store:
        with pytest.raises(AssertionError):
            await getattr(Suite(), test)(store)


@pytest.mark.parametrize("left_out", ["", " FOR UPDATE OF e", " AND e.revision = f.revision"])
async def test_a_store_that_forgets_what_goes_on_is_caught(
    postgres_schema: str, monkeypatch: pytest.MonkeyPatch, left_out: str
):
    assert left_out in past_queries.FORGET
    monkeypatch.setattr(past_queries, "FORGET", past_queries.FORGET.replace(left_out, ""))
    async with opened(PostgresStore(postgres_schema)) as store:
        trial = past.test_who_is_writing_when_it_is_forgotten_comes_first([store])
        if left_out:
            with pytest.raises(AssertionError):
                await trial
        else:
            await trial
