"""The ledger's contract suite fails for one that breaks a promise, by the test named for it."""

import re
from pathlib import Path

import pytest

import pavane.ports.ledger
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.errors import StoreError
from pavane.ports.ledger import Ledger
from pavane.testing.contracts.ledger import ALONE, FULL, LEASED, LedgerContract
from pavane.testing.contracts.ledger.harness import opened
from tests.mutants import inboxes, ledgers

pytestmark = pytest.mark.anyio

CAUGHT_BY = [
    (ledgers.TornLog, "test_atomic_winners_beside_losers_are_whole"),
    (ledgers.TornInbox, "test_atomic_an_entry_that_loses_leaves_nothing"),
    (ledgers.TornByDeath, "test_atomic_when_the_process_dies"),
    (ledgers.Unfenced, "test_fenced_another_revision_loses"),
    (ledgers.SkipsAhead, "test_fenced_another_revision_loses"),
    (inboxes.NoInbox, "test_fenced_a_message_is_handled_once"),
    (inboxes.LooksAtOne, "test_fenced_messages_of_one_entry_win_or_lose_together"),
    (ledgers.BlindBatch, "test_fenced_entries_of_one_batch_see_each_other"),
    (ledgers.BlindBatch, "test_fenced_a_message_is_handled_once"),
    (ledgers.Unfenced, "test_fenced_among_hundreds"),
    (ledgers.Late, "test_durable_each_commit_by_itself"),
    (inboxes.ForgetsInbox, "test_durable_everything_survives_a_death"),
    (ledgers.Stale, "test_visible_what_was_committed_is_loaded"),
    (ledgers.Sparse, "test_visible_what_is_not_there_is_left_out"),
    (ledgers.GroupsByPrefix, "test_grouped_all_loads_the_group"),
    (ledgers.KeepsEmpty, "test_grouped_an_empty_body_removes_the_row"),
    (ledgers.LogByExecution, "test_logged_in_the_order_of_entries_and_records"),
    (ledgers.SkipsOne, "test_logged_read_in_pieces"),
    (ledgers.SkipsOne, "test_logged_none_is_missed_while_others_commit"),
    (ledgers.PrunesLog, "test_logged_positions_go_on_after_a_death"),
    (ledgers.DueByName, "test_timely_due_earliest_first"),
    (ledgers.Early, "test_timely_due_earliest_first"),
    (ledgers.FirstTodoStays, "test_timely_a_todo_replaces_the_one_of_its_name"),
    (ledgers.DoneAfterwards, "test_timely_what_is_done_goes_before_what_comes"),
    (ledgers.TextOnly, "test_kept_byte_for_byte"),
    (ledgers.GivesTwice, "test_kept_taken_twice_gives_it_once"),
    (ledgers.PrunesOne, "test_pruned_inbox_ids_by_age"),
    (ledgers.PrunesOne, "test_pruned_closed_executions_whole"),
    (ledgers.PrunesOpen, "test_pruned_closed_executions_whole"),
    (ledgers.ClosedForGood, "test_pruned_not_what_goes_on_again"),
    (ledgers.PrunesAside, "test_pruned_nothing_else"),
    (ledgers.PrunesBeforeItNotes, "test_pruned_only_once_offsets_are_durable"),
    (ledgers.LateOpens, "test_pruned_in_spite_of_what_is_late"),
    (ledgers.PrunesHeld, "test_pruned_not_what_may_be_taken_back"),
    (ledgers.PrunesHeld, "test_pruned_is_what_closed_names"),
    (ledgers.ClosedFromTheStart, "test_pruned_is_what_closed_names"),
    (ledgers.HalfFull, "test_full_is_said_and_nothing_is_written"),
    (ledgers.FullForGood, "test_full_passes_when_there_is_room"),
    (ledgers.Shared, "test_alone_a_second_process_is_refused"),
    (ledgers.LockedForGood, "test_alone_again_after_the_first_has_gone"),
    (ledgers.NotFencedOff, "test_leased_what_is_silent_is_taken_over"),
    (ledgers.NeverTold, "test_leased_what_is_silent_is_taken_over"),
    (ledgers.LostForGood, "test_leased_who_was_put_out_stands_by"),
    (ledgers.Impatient, "test_leased_signs_of_life_keep_it"),
]


class Suite(LedgerContract):
    """The suite over any of these ledgers. Pytest does not collect it: its name says so."""

    features = frozenset({ALONE, FULL, LEASED})
    patience_s = 0.5

    def __init__(self, build: type[MemoryLedger]) -> None:
        self.build = build

    async def create(self, folder: Path) -> Ledger:
        return self.build()

    async def die(self, ledger: Ledger) -> Ledger:
        return _in_memory(ledger).crash()

    async def again(self, ledger: Ledger) -> Ledger:
        return _in_memory(ledger).second()

    async def silence(self, ledger: Ledger) -> None:
        _in_memory(ledger).silent = True

    async def fill(self, ledger: Ledger) -> None:
        _in_memory(ledger).full = True

    async def make_room(self, ledger: Ledger) -> None:
        _in_memory(ledger).full = False


def _in_memory(ledger: Ledger) -> MemoryLedger:
    assert isinstance(ledger, MemoryLedger)
    return ledger


async def run(build: type[MemoryLedger], test: str, folder: Path) -> None:
    """One test of the suite over a ledger of this kind."""
    suite = Suite(build)
    async with opened(await suite.create(folder)) as ledger:
        await getattr(suite, test)(ledger)


@pytest.mark.parametrize(
    ("broken", "test"), CAUGHT_BY, ids=[f"{broken.__name__}-{test}" for broken, test in CAUGHT_BY]
)
async def test_a_broken_ledger_is_caught(broken: type[MemoryLedger], test: str, tmp_path: Path):
    with pytest.raises((AssertionError, KeyError, TimeoutError, pytest.fail.Exception, StoreError)):
        await run(broken, test, tmp_path)


@pytest.mark.parametrize("test", sorted({test for _, test in CAUGHT_BY}))
async def test_and_it_is_the_breaking_that_is_caught(test: str, tmp_path: Path):
    await run(MemoryLedger, test, tmp_path)


def test_each_promise_has_a_ledger_that_breaks_it():
    promises = re.findall(r"^(\d+)\. (\w+):", pavane.ports.ledger.__doc__ or "", re.MULTILINE)
    assert len(promises) == 12
    told = [(broken.__doc__ or "").split(":")[0] for broken, _ in CAUGHT_BY]
    assert {f"{number}, {word}" for number, word in promises} == set(told)
    for broken, test in CAUGHT_BY:
        word = (broken.__doc__ or "").split(":")[0].split()[1]
        assert test.startswith(f"test_{word}_"), f"{broken.__name__} is caught by another promise"
