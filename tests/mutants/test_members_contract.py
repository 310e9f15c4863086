"""The suite of the members fails for a keeper that breaks a promise, by the test named for it."""

import re
from pathlib import Path

import pytest

import pavane.ports.members
from pavane.adapters.memory.members import MemoryMembers
from pavane.adapters.memory.store import MemoryStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import SHARED, StoreContract
from pavane.testing.contracts.store.harness import opened
from tests.mutants import members

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (members.Immortal, "test_lapsed_are_those_whose_lease_ran_out"),
    (members.Deaf, "test_alive_are_those_who_beat"),
    (members.Trackless, "test_lapsed_are_those_whose_lease_ran_out"),
    (members.Hasty, "test_lapsed_are_those_whose_lease_ran_out"),
    (members.Generous, "test_of_many_who_want_a_duty_one_gets_it"),
    (members.Feudal, "test_a_duty_has_one_holder"),
    (members.Skewed, "test_alive_are_those_who_beat"),
    (members.Forgetful, "test_heard_is_what_others_tell"),
    (members.Vain, "test_heard_is_what_others_tell"),
    (members.Unmarked, "test_what_members_keep_in_mind_is_marked"),
]


class Suite(StoreContract):
    """The suite over the memory store with members of some kind; pytest does not collect it."""

    features = frozenset({SHARED})

    async def die(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.crash()

    async def beside(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.beside()


async def run(kind: type[MemoryMembers], test: str) -> None:
    async with opened(members.With(kind).build()) as store:
        await getattr(Suite(), test)(store)


@pytest.mark.parametrize(("broken", "test"), CAUGHT_BY, ids=lambda value: str(value)[-60:])
async def test_a_broken_keeper_is_caught(broken: type[MemoryMembers], test: str, tmp_path: Path):
    await run(MemoryMembers, test)
    with pytest.raises((AssertionError, TimeoutError)):
        await run(broken, test)


def test_each_promise_has_a_keeper_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.members.__doc__ or "", re.MULTILINE)
    assert len(promises) == 7
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
