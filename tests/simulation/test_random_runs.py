"""Random workflows, scripts, people and crashes: both adapters agree and no promise is broken.

`PAVANE_SEED=123` runs one case alone and shows what happened; `PAVANE_CASES=20000` runs more.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.testing.simulation.case import draw
from pavane.testing.simulation.world import simulate
from tests.simulation import coverage
from tests.simulation.checker.judge import judge
from tests.simulation.running import differences, how_to_repeat, sqlite_in
from tests.simulation.telling import tell

CASES = int(os.environ.get("PAVANE_CASES", "1000"))
FIRST = int(os.environ.get("PAVANE_FIRST_SEED", "0"))
ALONE = os.environ.get("PAVANE_SEED", "")


@pytest.fixture(autouse=True)
def quiet() -> Generator[None]:
    """What a crash interrupts is logged; a thousand cases would say nothing else."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def one_case(seed: int, folder: Path, counts: Counter[str]) -> list[str]:
    case = draw(seed)
    trace = simulate(case, MemoryStore)
    found = judge(trace)
    other = simulate(case, sqlite_in(folder, seed))
    found += differences(case, trace, other)
    counts.update(coverage.features(case, trace))
    for file in folder.glob(f"{seed}.db*"):
        file.unlink()
    return found


def test_a_thousand_random_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    seeds = [int(ALONE)] if ALONE else range(FIRST, FIRST + CASES)
    counts: Counter[str] = Counter()
    if ALONE:
        with capsys.disabled():
            print("\n" + tell(simulate(draw(int(ALONE)), MemoryStore)))
    broken: list[str] = []
    for seed in seeds:
        found = one_case(seed, tmp_path, counts)
        if found:
            broken += [f"seed {seed}: {fault}" for fault in found]
            broken.append(f"  repeat it: {how_to_repeat(seed)}")
        if len(broken) > 40:
            break
    assert not broken, "\n" + "\n".join(broken)
    if not ALONE:
        with capsys.disabled():
            print(f"\nseeds {seeds[0]} to {seeds[-1]}, each on memory and SQLite")
            print(coverage.table(counts, len(seeds)))
        assert len(seeds) < 500 or not coverage.missing(counts, len(seeds))  # few prove nothing


def test_the_same_seed_takes_the_same_course():
    for seed in range(3):
        case = draw(seed)
        assert not differences(case, simulate(case, MemoryStore), simulate(draw(seed), MemoryStore))


class LastFirst(MemoryStore):
    """Gives the alarms in another order than the oracle, which no single run can notice."""

    async def due(self, now: int, limit: int) -> list[tuple[int, str, str]]:
        return (await super().due(now, limit))[::-1]


def test_an_adapter_that_differs_is_found():
    found: list[str] = []
    for seed in range(60):
        case = draw(seed)
        found += differences(case, simulate(case, MemoryStore), simulate(case, LastFirst))
    assert found
