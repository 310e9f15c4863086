"""Random histories through the memory and the SQLite ledger: they agree after every step."""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.sqlite.connection import PAGE_SIZE
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.errors import StoreFullError
from pavane.ports.ledger import Entry, Ledger, RowKey
from pavane.testing.contracts.ledger.harness import dump
from tests.contract.ledger_histories import History, Operation

pytestmark = pytest.mark.anyio

STEPS = 300
MOST_STEPS = 1500
WANTED = {
    f"{name} {result}"
    for name in (
        "commit",
        "load",
        "seen",
        "log",
        "due",
        "work",
        "aside",
        "offset",
        "closed",
        "prune",
    )
    for result in ("yes", "no")
} | {"crash", "full", "commit mixed"}

STRICT = os.environ.get("PAVANE_STRICT", "") not in {"", "0"}
SEEDS = [int(os.environ["PAVANE_SEED"])] if "PAVANE_SEED" in os.environ else None
COUNTED = ("entries", "lost", "loads", "lookups", "records", "payload_bytes", "rows")


@pytest.fixture(params=SEEDS or range(3))
def seed(request: pytest.FixtureRequest) -> int:
    """Three new seeds each time (in a strict run 0 to 2), or the one that is to be repeated."""
    return request.param if SEEDS or STRICT else random.SystemRandom().randrange(1 << 32)


async def attempt(ledger: Ledger, operation: Operation) -> Any:
    try:
        return await operation.run(ledger)
    except StoreFullError:
        return "full"


def outcome(operation: Operation, result: Any) -> str:
    """What came of an operation, in a word or two for the table of coverage."""
    if result == "full":
        return "full"
    if operation.name == "load":
        result = any(found.rows for found in result.values())
    if operation.name == "commit":
        if 0 < len(result) < len(operation.entries):
            return "commit mixed"
        result = not result
    return f"{operation.name} {'yes' if result else 'no'}"


def limit(ledger: SqliteLedger, *, full: bool) -> None:
    """Let the database not grow by another page, or as much as it likes."""
    pages = ledger._connection.execute("PRAGMA page_count").fetchall()[0][0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages if full else 1 << 30}")


def too_large(ledger: SqliteLedger) -> Entry:
    """An entry that does not fit into the pages that are free."""
    free = ledger._connection.execute("PRAGMA freelist_count").fetchall()[0][0]
    return Entry(rows={RowKey("large", "x"): b"0" * (free + 20) * PAGE_SIZE})


@pytest.mark.parametrize("file", [True, False], ids=["file", "memory"])
async def test_random_histories_agree(seed: int, tmp_path: Path, *, file: bool):
    print(f"repeat with PAVANE_SEED={seed}")
    history, seen = History(seed), Counter[str]()
    path = tmp_path / "payment.db" if file else ":memory:"
    memory, sqlite = MemoryLedger(), SqliteLedger(path, commit_thread=file, flushing="OFF")
    await memory.open()
    await sqlite.open()
    for step in range(MOST_STEPS):
        if step >= STEPS and set(seen) >= WANTED:
            break
        if history.random.random() < 0.01:
            assert counted(sqlite) == counted(memory)
            seen["crash"] += 1
            memory, sqlite = memory.crash(), sqlite.crash()
            await memory.open()
            await sqlite.open()
            for name in ("a", "b", "é", "z_10", "z_9"):  # what was kept is as old as a commit
                await memory.keep_offset(name, await sqlite.offset(name))
        operation = history.draw()
        full = operation.name == "commit" and history.random.random() < 0.1
        limit(sqlite, full=full)
        if full and history.random.random() < 0.5:
            operation.entries.append(too_large(sqlite))
        found = await attempt(sqlite, operation)
        memory.full = found == "full"  # whether a batch still fits is SQLite's affair
        expected = await attempt(memory, operation)
        memory.full = False
        assert found == expected, f"seed {seed}, step {step}: {operation.name}"
        seen[outcome(operation, expected)] += 1
        if operation.name in {"commit", "prune"}:
            one, other = [await dump(x, history.executions, history.ids) for x in (sqlite, memory)]
            assert one == other, f"seed {seed}, step {step}"
            history.revisions.update({id: rows[0] for id, rows in other["rows"].items()})
    await memory.close()
    await sqlite.close()
    assert set(seen) >= WANTED, f"seed {seed}: never came: {WANTED - set(seen)}"


def counted(ledger: MemoryLedger | SqliteLedger) -> dict[str, Any]:
    """What any ledger counts in the same way."""
    return {name: vars(ledger.counters)[name] for name in COUNTED}
