"""The store's contract suite fails for a store that breaks a promise, by the test named for it."""

import re
from pathlib import Path

import pytest

import pavane.ports.store
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import StoreFullError
from pavane.ports.store import Store
from pavane.testing.contracts.store import ALONE, FULL, StoreContract
from pavane.testing.contracts.store.harness import opened
from tests.mutants import stores

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (stores.Torn, "test_atomic_a_unit_that_loses_by_its_last_change_leaves_nothing"),
    (stores.Torn, "test_atomic_winners_beside_losers_are_whole"),
    (stores.Unfenced, "test_fenced_a_stale_revision_loses"),
    (stores.Unfenced, "test_fenced_a_taken_id_loses"),
    (stores.Unfenced, "test_fenced_among_hundreds_of_units"),
    (stores.KeysUnfenced, "test_fenced_a_taken_start_key_loses"),
    (stores.KeysForGood, "test_fenced_a_start_key_goes_to_the_successor"),
    (stores.Late, "test_durable_each_commit_by_itself"),
    (stores.LateOnDisk, "test_durable_each_commit_by_itself"),
    (stores.Stale, "test_visible_what_was_committed_is_loaded"),
    (stores.Oldest, "test_newest_attempt_is_loaded"),
    (stores.NewestByText, "test_newest_attempt_is_loaded"),
    (stores.Unordered, "test_ordered_due_earliest_first"),
    (stores.GivesLeased, "test_ordered_ready_only_what_may_be_taken"),
    (stores.GivesEarly, "test_ordered_ready_earliest_first"),
    (stores.FirstComeFirstServed, "test_ordered_ready_the_highest_priority_first"),
    (stores.Live, "test_isolated_a_snapshot_does_not_change"),
    (stores.Live, "test_isolated_a_snapshot_unread_does_not_change_either"),
    (stores.HeldUp, "test_isolated_snapshots_do_not_hold_commits_up"),
    (stores.Shared, "test_alone_a_second_server_is_refused"),
    (stores.HalfFull, "test_full_is_said_and_nothing_is_written"),
    (stores.FullForGood, "test_full_passes_when_there_is_room"),
    (stores.Endless, "test_paged_every_open_row_by_ref"),
    (stores.Repeating, "test_paged_every_open_row_by_ref"),
    (stores.FirstSchedule, "test_scheduled_what_was_put_last_is_there"),
    (stores.SchedulesForgotten, "test_scheduled_after_a_death_too"),
    (stores.PacesApart, "test_paced_with_its_unit_or_not_at_all"),
    (stores.PacesForgotten, "test_paced_after_a_death_too"),
    (stores.Boundless, "test_bounded_by_what_is_leased_and_nothing_else"),
    (stores.PlacesForGood, "test_bounded_until_a_lease_ends"),
    (stores.OwnInPages, "test_own_row_is_in_no_page"),
    (stores.OwnForGood, "test_own_row_is_had_and_given_up"),
]


class Suite(StoreContract):
    """The suite over any of our stores. Pytest does not collect it: its name says so."""

    features = frozenset({ALONE, FULL})
    patience_s = 0.2

    def __init__(self, build: type[MemoryStore] | type[SqliteStore]) -> None:
        self.build = build

    async def create(self, folder: Path) -> Store:
        if issubclass(self.build, SqliteStore):
            return self.build(folder / "pavane.db", durable=False)
        return self.build()

    async def die(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore | SqliteStore)
        return store.crash()

    async def again(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return self.build(store.path) if issubclass(self.build, SqliteStore) else self.build()

    async def fill(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store.full = True

    async def make_room(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store.full = False


async def run(build: type[MemoryStore] | type[SqliteStore], test: str, folder: Path) -> None:
    """One test of the suite over a store of this kind."""
    suite = Suite(build)
    async with opened(await suite.create(folder)) as store:
        await getattr(suite, test)(store)


@pytest.mark.parametrize(
    ("broken", "test"), CAUGHT_BY, ids=[f"{broken.__name__}-{test}" for broken, test in CAUGHT_BY]
)
async def test_a_broken_store_is_caught(
    broken: type[MemoryStore] | type[SqliteStore], test: str, tmp_path: Path
):
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception, StoreFullError)):
        await run(broken, test, tmp_path)


@pytest.mark.parametrize(("broken", "test"), CAUGHT_BY[:1] + CAUGHT_BY[-5:])
async def test_and_it_is_the_breaking_that_is_caught(
    broken: type[MemoryStore] | type[SqliteStore], test: str, tmp_path: Path
):
    whole = SqliteStore if issubclass(broken, SqliteStore) else MemoryStore
    await run(whole, test, tmp_path)


def test_each_promise_has_a_store_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.store.__doc__ or "", re.MULTILINE)
    assert len(promises) == 14
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
    for broken, test in CAUGHT_BY:
        word = (broken.__doc__ or "").split(":")[0].split()[1]
        assert test.startswith(f"test_{word}_"), f"{broken.__name__} is caught by another promise"
