"""Random histories through the memory and the SQLite store: they agree after every step."""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.errors import StoreFullError
from pavane.ports.store import Store
from pavane.testing.contracts.store.harness import dump
from tests.contract.histories import History, Operation

pytestmark = pytest.mark.anyio

STEPS = 300
MOST_STEPS = 2000
# Each must have come at least once with something to show, and at least once with nothing:
# found and not found, won and lost.
WANTED = {
    f"{name} {result}"
    for name in (
        *("commit", "load", "find_keys", "ready", "due", "leases", "held", "search", "forget"),
    )
    for result in ("yes", "no")
} | {"definitions yes", "crash", "full", "commit mixed", "over yes"}

STRICT = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}
SEEDS = [int(os.environ["PAVANE_SEED"])] if "PAVANE_SEED" in os.environ else None


@pytest.fixture(params=SEEDS or range(3))
def seed(request: pytest.FixtureRequest) -> int:
    """Three new seeds each time (in a strict run 0 to 2), or the one that is to be repeated."""
    return request.param if SEEDS or STRICT else random.SystemRandom().randrange(1 << 32)


async def attempt(store: Store, operation: Operation) -> Any:
    try:
        return await operation.run(store)
    except StoreFullError:
        return "full"


def outcome(operation: Operation, result: Any) -> str:
    """What came of an operation, in a word or two for the table of coverage."""
    if result == "full":
        return "full"
    if operation.name == "load":
        result = any(found.header for found in result.values())
    if operation.name == "commit":
        if 0 < len(result) < len(operation.units):
            return "commit mixed"
        result = not result
    if operation.name == "over":
        result = result[0]
    return f"{operation.name} {'yes' if result else 'no'}"


def limit(store: SqliteStore, *, full: bool) -> None:
    """Let the database not grow by another page, or as much as it likes."""
    pages = store._connection.execute("PRAGMA page_count").fetchall()[0][0]
    store._connection.execute(f"PRAGMA max_page_count = {pages if full else 1 << 30}")


@pytest.mark.parametrize("file", [True, False], ids=["file", "memory"])
async def test_random_histories_agree(seed: int, tmp_path: Path, *, file: bool):
    print(f"repeat with PAVANE_SEED={seed}")
    history = History(seed)
    path = tmp_path / "pavane.db" if file else ":memory:"
    memory, sqlite = MemoryStore(), SqliteStore(path, commit_thread=file, durable=False)
    await memory.open()
    await sqlite.open()
    seen: Counter[str] = Counter()
    for step in range(MOST_STEPS):
        if step >= STEPS and set(seen) >= WANTED:
            break
        if history.random.random() < 0.01:
            seen["crash"] += 1
            memory, sqlite = memory.crash(), sqlite.crash()
            await memory.open()
            await sqlite.open()
        operation = history.draw()
        limit(sqlite, full=operation.name == "commit" and history.random.random() < 0.1)
        found = await attempt(sqlite, operation)
        memory.full = found == "full"  # whether a batch still fits is SQLite's affair
        expected = await attempt(memory, operation)
        memory.full = False
        assert found == expected, f"seed {seed}, step {step}: {operation.name}"
        seen[outcome(operation, expected)] += 1
        if operation.name == "commit" and expected != "full":
            history.settle(operation, expected)
        if operation.name in {"commit", "definitions"}:
            assert await dump(sqlite) == await dump(memory), f"seed {seed}, step {step}"
    await memory.close()
    await sqlite.close()
    assert set(seen) >= WANTED, f"seed {seed}: never came: {WANTED - set(seen)}"
