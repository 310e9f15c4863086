"""Random definitions under random fates: every run ends, and nothing is undone out of order."""

from __future__ import annotations

from collections import Counter

import pytest

from pavane.core.decide import fans, undo
from pavane.core.decide.step_types import do_while, fork_join
from pavane.core.model import status
from tests.unit.core import world as driver
from tests.unit.core.drawn import Author, Fate
from tests.unit.core.witness import Witness

CASES = 800


def one(seed: int) -> Counter[str]:
    """One random run to its end; what happened in it."""
    world = Witness()
    root = world.start(Author(seed).workflow())
    fate = Fate(seed, world, root)
    try:
        fate.run()
        world.check_the_end(world.executions[root.id])
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    seen = fate.seen
    seen[root.status] += 1
    seen["undos"] += world.undos
    seen["compared"] += world.compared
    seen["executions"] += len(world.executions)
    tables = [stored.tasks for stored in world.executions.values()]
    rows = [row for tasks in tables for attempts in tasks.values() for row in attempts.values()]
    seen["forks"] += any(row.type == "FORK_JOIN" for row in rows)
    seen["fans"] += any(row.type == "FORK_JOIN_DYNAMIC" and row.count > 1 for row in rows)
    made = [row.ref for row in rows if row.branch and row.type not in ("FORK_JOIN_DYNAMIC", "JOIN")]
    seen["branches made"] += len({ref for ref in made if not ref.startswith("undo:")})
    seen["and undone"] += len({ref for ref in made if ref.startswith("undo:")})
    seen["and tried again"] += any(row.branch and row.attempt for row in rows)
    seen["iterations"] += sum(row.count for row in rows if row.type == "DO_WHILE")
    for kind in ("START_WORKFLOW", "EXCLUSIVE_JOIN", "DECISION"):
        seen[kind] += any(row.type == kind and row.status == "COMPLETED" for row in rows)
    seen["DYNAMIC"] += any(row.type == "SIMPLE" and row.name in ("quick", "slow") for row in rows)
    seen["DYNAMIC again"] += any(row.name == "slow" and row.attempt for row in rows)
    people = [row for row in rows if row.type == "HUMAN"]
    seen["answered"] += any(row.output == b"{}" for row in people)
    seen["refused"] += any(row.reason == "failed by a signal" for row in people)
    seen["nobody answered"] += any(row.output == b"null" for row in people)
    seen["late"] += any(row.status == status.TIMED_OUT for row in people)
    seen["iterations undone"] += any(
        row.ref.startswith("undo:") and "__" in row.ref for row in rows
    )
    seen["unknown"] += any(row.status == status.TIMED_OUT and row.polls for row in rows)
    return seen


# Random cases count only with coverage: of eight hundred at least so many.
_LEAST = {
    status.COMPLETED: 200,
    status.COMPENSATED: 100,
    status.FAILED: 30,
    status.TERMINATED: 50,
    "undos": 300,
    "compared": 1500,
    "executions": 1200,
    "forks": 250,
    "fans": 60,
    "branches made": 200,
    "and undone": 30,
    "and tried again": 20,
    "iterations": 300,
    "iterations undone": 18,
    "unknown": 25,
    "DYNAMIC": 100,
    "DYNAMIC again": 8,
    "DECISION": 80,
    "EXCLUSIVE_JOIN": 50,
    "START_WORKFLOW": 30,
    "answered": 50,
    "refused": 2,
    "nobody answered": 4,
    "late": 4,
    "CANCELED": 60,
    "RETURNED": 60,
    "SILENT": 60,
    "terminate": 100,
    "retry": 80,
    "pause": 150,
    "resume": 50,
    "resolve done": 20,
    "resolve retry": 8,
    "resolve abandon": 8,
}


def test_random_runs_end_as_they_promise():
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        seen += one(seed)
    lacking = {what: seen[what] for what, least in _LEAST.items() if seen[what] < least}
    assert not lacking, f"too few of {lacking} in {seen}"


def test_random_runs_in_tiny_pages(monkeypatch: pytest.MonkeyPatch):
    """Every pass is interrupted after two rows, every way back after two steps."""
    for module in (undo, do_while, fork_join, fans, driver):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(undo, "_STEPS_MAX", 2)
    for seed in range(CASES):
        one(seed)
