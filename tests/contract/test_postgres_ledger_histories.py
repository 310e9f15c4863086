"""Random histories through the ledgers in memory, SQLite and PostgreSQL at once, over restarts."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from dev.services.server import Server
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.adapters.postgres.ledger import PostgresLedger
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.testing.contracts.ledger.harness import dump
from tests.contract.ledger_histories import History
from tests.contract.test_ledger_histories import (
    COUNTED,
    STRICT,
    WANTED,
    attempt,
    limit,
    outcome,
    too_large,
)
from tests.contract.test_postgres_histories import restart
from tests.postgres import died, fill, make_room

pytestmark = pytest.mark.anyio

STEPS = 200
MOST_STEPS = 1500


async def reborn(
    memory: MemoryLedger, sqlite: SqliteLedger, postgres: PostgresLedger
) -> tuple[MemoryLedger, SqliteLedger, PostgresLedger]:
    """What new processes find; before they die, the ledgers have counted the same."""
    for name in COUNTED:
        assert vars(postgres.counters)[name] == vars(memory.counters)[name]
    ledgers = memory.crash(), sqlite.crash(), await died(postgres)
    for ledger in ledgers:
        await ledger.open()
    for name in ("a", "b", "é", "z_10", "z_9"):  # what was kept is as old as some commit
        for ledger in ledgers:
            await ledger.keep_offset(name, await ledgers[1].offset(name))
    return ledgers


async def test_random_histories_agree(own_postgres: Server, tmp_path: Path):
    given = os.environ.get("PAVANE_SEED")
    seed = int(given) if given else 0 if STRICT else random.SystemRandom().randrange(1 << 32)
    print(f"repeat with PAVANE_SEED={seed}")
    history, seen = History(seed), Counter[str]()
    memory = MemoryLedger()
    sqlite = SqliteLedger(tmp_path / "payment.db", flushing="OFF")
    postgres = PostgresLedger(own_postgres.url, lease_s=30.0)
    for ledger in (memory, sqlite, postgres):
        await ledger.open()
    wanted = WANTED | {"stop", "kill"}
    for step in range(MOST_STEPS):
        if step >= STEPS and set(seen) >= wanted:
            break
        if history.random.random() < 0.01:
            seen["crash"] += 1
            memory, sqlite, postgres = await reborn(memory, sqlite, postgres)
        if history.random.random() < 0.02:
            await restart(own_postgres, seen)
        operation = history.draw()
        full = operation.name == "commit" and history.random.random() < 0.1
        limit(sqlite, full=full)
        if full and history.random.random() < 0.5:
            operation.entries.append(too_large(sqlite))
        found = await attempt(sqlite, operation)
        memory.full = found == "full"  # whether a batch still fits is SQLite's affair
        schema = f"{own_postgres.url}?schema={postgres.place.schema}"
        if memory.full:
            await fill(schema)
        expected, told = await attempt(memory, operation), await attempt(postgres, operation)
        if memory.full:
            memory.full = False
            await make_room(schema)
        assert found == expected == told, f"seed {seed}, step {step}: {operation.name}"
        seen[outcome(operation, expected)] += 1
        if operation.name in {"commit", "prune"}:
            ids = (history.executions, history.ids)
            one, two, other = [await dump(x, *ids) for x in (sqlite, postgres, memory)]
            assert one == other, f"seed {seed}, step {step}"
            assert two == other, f"seed {seed}, step {step}"
            history.revisions.update({id: rows[0] for id, rows in other["rows"].items()})
    for ledger in (memory, sqlite, postgres):
        await ledger.close()
    assert set(seen) >= wanted, f"seed {seed}: never came: {wanted - set(seen)}"
