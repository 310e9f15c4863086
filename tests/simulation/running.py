"""Runs a case on an adapter and says what is wrong with it, with the way to repeat it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.engine.engine import Engine
from pavane.testing.simulation.case import Case, draw
from pavane.testing.simulation.loop import DeadlockError
from pavane.testing.simulation.slow_store import CrashableStore
from pavane.testing.simulation.trace import Trace
from pavane.testing.simulation.world import simulate
from tests.simulation.checker.judge import judge


def sqlite_in(folder: Path, seed: int) -> Callable[[], CrashableStore]:
    """A file of its own; commits in place and without fsync, as virtual time needs no power."""
    path = folder / f"{seed}.db"
    return lambda: SqliteStore(path, commit_thread=False, durable=False)


def faults_of(
    seed: int,
    store: Callable[[], CrashableStore] = MemoryStore,
    engine: type[Engine] = Engine,
) -> list[str]:
    """What the standard checks find in one case; a run that breaks down is a fault as well."""
    try:
        return judge(simulate(draw(seed), store, engine))
    except (Exception, DeadlockError) as error:  # noqa: BLE001 - whatever it is, it is reported
        return [f"{type(error).__name__}: {error}"]


def differences(case: Case, one: Trace, other: Trace) -> list[str]:
    """Where two adapters did not take the same course."""
    if one.executions.keys() != other.executions.keys():
        return [f"other executions: {sorted(one.executions)} and {sorted(other.executions)}"]
    found: list[str] = []
    for id, mine in one.executions.items():
        theirs = other.executions[id]
        for part in ("header", "tasks", "ready", "values", "log"):
            a, b = getattr(mine, part), getattr(theirs, part)
            if a != b:
                found.append(f"{id}: {part} differs: {a!r:.400} and {b!r:.400}")
    if one.record != other.record:
        found.append("the services saw different things")
    if one.actions != other.actions:
        found.append("clients and people got different answers")
    return [f"seed {case.seed}: {text}" for text in found]


def how_to_repeat(seed: int) -> str:
    """The command that runs one case alone."""
    return f"PAVANE_SEED={seed} python -m pytest tests/simulation/test_random_runs.py"
