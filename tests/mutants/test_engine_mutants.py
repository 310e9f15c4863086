"""Each known way for core or engine to be wrong is caught by the simulation's standard checks."""

from __future__ import annotations

import gc
import inspect
import logging
import re
from collections.abc import Callable, Generator

import pytest

from pavane.testing.simulation import loop
from tests.mutants import engines
from tests.simulation.running import faults_of

CASES = 200  # of the thousand that the standard run plays; each mutant must fall in so many

# The mutant, and what the checker says about it: the words of one of the faults that it finds.
CAUGHT_BY = [
    (engines.alarms_not_noticed, "ms late"),
    (engines.attempt_not_fenced, "nobody reported that"),
    (engines.child_not_told, "though its parent is|stands, though the run is"),
    (engines.commit_split, r"open tasks \[.*\], ready rows \[\]"),
    (engines.dispatched_before_commit, "called . times, leased ."),
    (engines.earlier_iterations_not_undone, "stands, though the run is"),
    (engines.failed_undo_counts, "completed when it was failed"),
    (engines.fan_joined_early, "branches of|which it joins"),
    (engines.frozen_run_begins, "started after the run was frozen"),
    (engines.header_alone_not_written, "time does not pass|behind the pivot"),
    (engines.held_work_forgotten, "waited for a dead process"),
    (engines.join_without_counter, "completed before .*, which it joins"),
    (engines.loop_asked_too_late, "completed after . iterations of"),
    (engines.one_branch_of_a_fan_undone, "stuck|stands, though the run is"),
    (engines.pivot_ignored, "behind the pivot"),
    (engines.retries_not_counted, "more retries than"),
    (engines.retry_without_delay, "waits 0 ms"),
    (engines.timer_fires_early, "woke .* ms early"),
    (engines.timer_fires_twice, "completed when it was completed"),
    (engines.told_before_commit, "which is lost|and then lost"),
    (engines.undo_without_order, "whose step came later, is done|which it caused"),
    (engines.unknown_is_not_undone, "stands, though the run is"),
    (engines.version_not_checked, "when it was|rows say"),
]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Mutants stumble loudly; one that runs in circles need not do so for long.

    What a broken-off run leaves behind is swept up in here, not in the middle of another test.
    """
    monkeypatch.setattr(loop, "_BUSY_ROUNDS", 20_000)
    logging.disable(logging.CRITICAL)
    yield
    gc.collect()
    logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("mutant", "words"), CAUGHT_BY, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_checker_catches(
    mutant: Callable[[pytest.MonkeyPatch], None], words: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        mutant(patch)
        others: list[str] = []
        for seed in range(CASES):
            found = faults_of(seed)
            if any(re.search(words, fault) for fault in found):
                gc.collect()
                return
            others += [f"seed {seed}: {fault}" for fault in found[:1]]
    raise AssertionError(f"{mutant.__name__} got away with it; other faults: {others[:5]}")


def test_every_mutant_is_in_the_table():
    mutants = {
        name
        for name, function in inspect.getmembers(engines, inspect.isfunction)
        if list(inspect.signature(function).parameters) == ["patch"]
    }
    assert mutants == {mutant.__name__ for mutant, _ in CAUGHT_BY}
