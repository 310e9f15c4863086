"""The suite of the keys fails for a keeper that breaks a promise, by the test named for it."""

import re
from pathlib import Path

import pytest

import pavane.ports.keys
from pavane.adapters.memory.keys import MemoryKeys
from pavane.adapters.memory.store import MemoryStore
from pavane.ports.store import Store
from pavane.testing.contracts.store import StoreContract
from pavane.testing.contracts.store.harness import opened
from tests.mutants import keys

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (keys.Eternal, "test_whole_keys_come_back_as_they_were_added"),
    (keys.Namesakes, "test_single_a_taken_id_or_name_is_refused"),
    (keys.Replacing, "test_single_a_taken_id_or_name_is_refused"),
    (keys.Forgetful, "test_durable_what_was_done_outlives_the_process"),
    (keys.Squatting, "test_gone_a_removed_key_frees_its_name"),
]


class Suite(StoreContract):
    """The suite over the memory store with keys of some kind; pytest does not collect it."""

    features = frozenset()

    async def die(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.crash()


async def run(kind: type[MemoryKeys], test: str) -> None:
    async with opened(keys.With(kind).build()) as store:
        await getattr(Suite(), test)(store)


@pytest.mark.parametrize(("broken", "test"), CAUGHT_BY, ids=lambda value: str(value)[-60:])
async def test_a_broken_keeper_is_caught(broken: type[MemoryKeys], test: str, tmp_path: Path):
    await run(MemoryKeys, test)
    with pytest.raises(AssertionError):
        await run(broken, test)


def test_each_promise_has_a_keeper_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.keys.__doc__ or "", re.MULTILINE)
    assert len(promises) == 4
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
