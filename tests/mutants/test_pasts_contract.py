"""The suite of the past fails for a keeper that breaks a promise, by the test named for it."""

import re

import pytest

import pavane.ports.past
from pavane.adapters.memory.past import MemoryPast
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.past import SqlitePast
from pavane.adapters.sqlite.store import SqliteStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import StoreContract
from pavane.testing.contracts.store.harness import opened
from tests.mutants import pasts

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (pasts.Orphaning, "test_whole_a_family_goes_at_once"),
    (pasts.Orphaning, "test_over_a_family_stays_whole_while_one_goes_on"),
    (pasts.Impatient, "test_over_a_family_stays_whole_while_one_goes_on"),
    (pasts.Partial, "test_over_are_those_that_ended_before"),
    (pasts.Trusting, "test_fenced_who_goes_on_is_not_forgotten"),
    (pasts.Possessive, "test_free_is_its_start_key"),
    (pasts.Sweeping, "test_apart_nothing_else_goes"),
    (pasts.Hoarding, "test_swept_leaves_no_rows"),
    (pasts.Repeating, "test_swept_positions_do_not_come_again"),
    (pasts.Discouraged, "test_found_beside_many_that_stay"),
]


class Suite(StoreContract):
    """The suite over a store whose past is of some kind; pytest does not collect it."""

    async def die(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore | SqliteStore)
        return store.crash()


async def run(kind: type[MemoryPast] | type[SqlitePast], test: str) -> None:
    async with opened(pasts.With(kind).build()) as store:
        await getattr(Suite(), test)(store)


@pytest.mark.parametrize(("broken", "test"), CAUGHT_BY, ids=lambda value: str(value)[-60:])
async def test_a_broken_keeper_is_caught(broken: type[MemoryPast] | type[SqlitePast], test: str):
    await run(SqlitePast if issubclass(broken, SqlitePast) else MemoryPast, test)
    with pytest.raises((AssertionError, TimeoutError)):
        await run(broken, test)


async def test_a_store_in_which_the_dead_rise_is_caught():
    async with opened(MemoryStore()) as store:
        pasts.unfenced(store)
        with pytest.raises(AssertionError):
            await Suite().test_fenced_a_change_to_what_was_forgotten_loses(store)


def test_each_promise_has_a_keeper_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.past.__doc__ or "", re.MULTILINE)
    assert len(promises) == 7
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
