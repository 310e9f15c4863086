"""Random definitions under random fates: every run ends, and nothing is undone out of order."""

from __future__ import annotations

from collections import Counter

from pavane.core.model import status
from tests.unit.core.drawn import Author, Fate
from tests.unit.core.witness import Witness

CASES = 1500


def one(seed: int) -> tuple[Witness, Fate]:
    world = Witness()
    root = world.start(Author(seed).workflow(), k=1)
    fate = Fate(seed, world, root)
    try:
        fate.run()
        world.check_the_end(world.executions[root.id])
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    return world, fate


def test_random_runs_end_as_they_promise():
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        world, fate = one(seed)
        seen += fate.seen
        seen[fate.root.status] += 1
        seen["undos"] += world.undos
        seen["compared"] += world.compared
        seen["executions"] += len(world.executions)
        rows = [
            row for s in world.executions.values() for t in s.tasks.values() for row in t.values()
        ]
        seen["forks"] += any(row.type == "FORK_JOIN" for row in rows)
        seen["unknown"] += any(row.status == status.TIMED_OUT and row.polls for row in rows)
    # Random cases count only with coverage.
    for what, least in _LEAST.items():
        assert seen[what] >= least, f"{what}: {seen[what]}, and {least} are wanted; {seen}"


_LEAST = {
    status.COMPLETED: 200,
    status.COMPENSATED: 200,
    status.FAILED: 50,
    status.TERMINATED: 50,
    "undos": 1000,
    "compared": 1000,
    "executions": 2000,
    "forks": 300,
    "unknown": 50,
    "CANCELED": 100,
    "RETURNED": 100,
    "terminate": 50,
    "retry": 50,
    "pause": 100,
    "resume": 50,
    "resolve done": 50,
    "resolve retry": 20,
    "resolve abandon": 20,
}
