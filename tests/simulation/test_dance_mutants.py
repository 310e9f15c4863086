"""The dances can fail: dancers that are known to be wrong are found within few cases."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest

from pavane.core.projection.dancing.dancer import Dancer
from pavane.participant.retention import Retention
from tests.mutants import dancers
from tests.simulation.dance.equivalence import faults_of

CASES = 1000

# Those that concern joins of some branches, and those that are rare, are found by exploration.
WRONG = (
    dancers.NoTombstone,
    dancers.RunningIsStill,
    dancers.LateIsStill,
    dancers.UnknownIsNothing,
    dancers.UndoesAtOnce,
    dancers.UndoesAllTogether,
    dancers.DeadlineBehindPivot,
    dancers.StartsAbortAgain,
    dancers.PivotDoesNotAsk,
    dancers.DoorStaysOpenForGood,
    dancers.NoRowGuard,
    dancers.ItemsShareARow,
    dancers.LeastCount,
    dancers.IterationsShareARow,
    dancers.OneGenerationInLoops,
    dancers.FailedUndoCounts,
    dancers.PerhapsTakesBack,
)


class ForgetsAtOnce(Retention):
    """Forgets what is over while messages of it are still on their way."""

    async def prune(self) -> None:
        self._keep_ms = 1
        await super().prune()


class KeepsItToItself(Retention):
    """A home that forgets an execution and tells nobody."""

    async def prune(self) -> None:
        self._forgetting = None
        await super().prune()


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """What a crash interrupts is logged; thousands of cases would say nothing else."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("dancer", WRONG, ids=lambda each: each.__name__)
def test_a_wrong_dancer_is_found(dancer: type[Dancer]):
    assert any(faults_of(seed, dancer=dancer) for seed in range(CASES))


@pytest.mark.parametrize("kind", [ForgetsAtOnce, KeepsItToItself], ids=lambda each: each.__name__)
def test_who_forgets_wrongly_is_found(kind: type[Retention]):
    assert any(faults_of(seed, forgetting=kind) for seed in range(CASES))
