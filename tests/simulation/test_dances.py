"""Equivalence: the same definitions, scripts and faults with a conductor and without one.

Race-free cases have one outcome and one picture, in both styles. Racy ones have one of those that
the pure core can come to. `PAVANE_SEED=123` runs one case alone, `PAVANE_CASES=20000` runs more.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Generator

import pytest

from tests.simulation.dance import coverage
from tests.simulation.dance.equivalence import faults_of
from tests.simulation.dance.telling import tell

CASES = int(os.environ.get("PAVANE_CASES", "3600"))
FIRST = int(os.environ.get("PAVANE_FIRST_SEED", "0"))
ALONE = os.environ.get("PAVANE_SEED", "")


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """What a crash interrupts is logged; thousands of cases would say nothing else."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def how_to_repeat(seed: int) -> str:
    return f"PAVANE_SEED={seed} python -m pytest tests/simulation/test_dances.py"


def test_dancers_do_what_a_conductor_does(capsys: pytest.CaptureFixture[str]):
    seeds = [int(ALONE)] if ALONE else range(FIRST, FIRST + CASES)
    counts: Counter[str] = Counter()
    if ALONE:
        with capsys.disabled():
            print("\n" + tell(int(ALONE)))
    broken: list[str] = []
    for seed in seeds:
        found = faults_of(seed, counts)
        if found:
            broken += [f"seed {seed}: {fault}" for fault in found]
            broken.append(f"  repeat it: {how_to_repeat(seed)}")
        if len(broken) > 40:
            break
    assert not broken, "\n" + "\n".join(broken)
    if not ALONE:
        with capsys.disabled():
            print(f"\nseeds {seeds[0]} to {seeds[-1]}, each in both styles")
            print(coverage.table(counts, len(seeds)))
        assert len(seeds) < 2000 or not coverage.missing(counts, len(seeds))  # few prove nothing
