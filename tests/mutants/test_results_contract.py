"""The suite of recorded results fails for those that break a promise, by the test named for it."""

import re
from pathlib import Path
from typing import Any

import apsw
import pytest

import pavane.ports.results
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.memory.results import MemoryResults
from pavane.errors import PavaneError
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.ledger.harness import opened
from pavane.testing.contracts.results import CLOSED, FULL, ONE_BY_ONE, ResultsContract
from tests.mutants import results

pytestmark = pytest.mark.anyio

ROLLBACK = {"word": "ROLLBACK"}
DELETE = {"sql": "DELETE FROM pavane_result"}
BROKEN = {"broken": "CREATE TABEL x (y INTEGER)"}

CAUGHT_BY: list[tuple[type[MemoryResults], str, dict[str, Any]]] = [
    (results.Torn, "test_atomic_when_the_process_dies", {}),
    (results.Abandons, "test_atomic_what_is_left_behind_is_undone", {}),
    (results.LastFirst, "test_alone_first_come_first_served", {}),
    (results.Impatient, "test_alone_what_was_found_stays_so", {}),
    (results.ForgetsRecords, "test_durable_what_was_recorded_survives_a_death", {}),
    (results.LastWins, "test_first_stays", {}),
    (results.BeginningsStay, "test_first_a_beginning_gives_way_to_an_output", {}),
    (results.Padded, "test_visible_from_outside_and_inside", {}),
    (results.Unguarded, "test_guarded_the_transaction_is_not_ended_inside", ROLLBACK),
    (results.Unguarded, "test_guarded_the_ledgers_own_tables", DELETE),
    (results.ReadsAndWrites, "test_guarded_reading_writes_nothing", {}),
    (results.PiecemealSchema, "test_kept_a_schema_that_cannot_be_makes_nothing", BROKEN),
    (results.PrunesOne, "test_pruned_by_age_with_the_inbox", {}),
    (results.SaysNothing, "test_pruned_by_age_with_the_inbox", {}),
    (results.FullForGood, "test_full_is_said_and_passes", {}),
]


class Suite(ResultsContract):
    """The suite over any of these results. Pytest does not collect it: its name says so."""

    features = frozenset({CLOSED, FULL, ONE_BY_ONE})

    def __init__(self, build: type[MemoryResults]) -> None:
        self.build = build

    async def create(self, folder: Path) -> Ledger:
        ledger = MemoryLedger()
        ledger._rows.results = self.build(*ledger._checks())
        return ledger

    async def die(self, ledger: Ledger) -> Ledger:
        return _in_memory(ledger).crash()

    async def fill(self, ledger: Ledger) -> None:
        _in_memory(ledger).full = True

    async def make_room(self, ledger: Ledger) -> None:
        _in_memory(ledger).full = False


def _in_memory(ledger: Ledger) -> MemoryLedger:
    assert isinstance(ledger, MemoryLedger)
    return ledger


async def run(build: type[MemoryResults], test: str, given: dict[str, Any], folder: Path) -> None:
    """One test of the suite over results of this kind."""
    suite = Suite(build)
    async with opened(await suite.create(folder)) as ledger:
        await getattr(suite, test)(ledger, **given)


@pytest.mark.parametrize(
    ("broken", "test", "given"),
    CAUGHT_BY,
    ids=[f"{broken.__name__}-{test}" for broken, test, _ in CAUGHT_BY],
)
async def test_broken_results_are_caught(
    broken: type[MemoryResults], test: str, given: dict[str, Any], tmp_path: Path
):
    caught = (AssertionError, KeyError, pytest.fail.Exception, PavaneError, apsw.Error)
    with pytest.raises(caught):
        await run(broken, test, given, tmp_path)


@pytest.mark.parametrize(("test", "given"), [(test, given) for _, test, given in CAUGHT_BY])
async def test_and_it_is_the_breaking_that_is_caught(
    test: str, given: dict[str, Any], tmp_path: Path
):
    await run(MemoryResults, test, given, tmp_path)


def test_each_promise_has_results_that_break_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.results.__doc__ or "", re.MULTILINE)
    assert len(promises) == 9
    told = [(broken.__doc__ or "").split(":")[0] for broken, _, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
    for broken, test, _ in CAUGHT_BY:
        word = (broken.__doc__ or "").split(":")[0].split()[1]
        assert test.startswith(f"test_{word}_"), f"{broken.__name__} is caught by another promise"
