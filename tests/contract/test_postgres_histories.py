"""Random histories through memory, SQLite and PostgreSQL at once, over restarts of its server."""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dev.services.server import Server
from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.ports.store import Store
from pavane.testing.contracts.store.harness import dump
from tests.contract.histories import History
from tests.contract.test_random_histories import STRICT, WANTED, attempt, limit, outcome
from tests.postgres import died, fill, make_room

pytestmark = pytest.mark.anyio

STEPS = 200
MOST_STEPS = 2000
OFTEN = 4  # every so many writes everything is compared


async def everything(store: Store) -> dict[str, Any]:
    """What a store holds; positions of the log count by their order alone."""
    found = await dump(store)
    places = {entry["position"]: n for n, entry in enumerate(found["log"])}
    assert sorted(places) == list(places)
    for rows in (found, *(rows for rows in found.values() if isinstance(rows, dict))):
        for entry in rows.get("log", ()):
            entry["position"] = places[entry["position"]]
    return found


async def restart(server: Server, seen: Counter[str]) -> None:
    """By force and without, by turns."""
    by_force = seen["kill"] <= seen["stop"]
    seen["kill" if by_force else "stop"] += 1
    await asyncio.to_thread(server.kill if by_force else server.stop)
    await asyncio.to_thread(server.start)


async def test_random_histories_agree(own_postgres: Server, tmp_path: Path):
    given = os.environ.get("PAVANE_SEED")
    seed = int(given) if given else 0 if STRICT else random.SystemRandom().randrange(1 << 32)
    print(f"repeat with PAVANE_SEED={seed}")
    history = History(seed)
    memory, sqlite = MemoryStore(), SqliteStore(tmp_path / "pavane.db", durable=False)
    postgres = PostgresStore(own_postgres.url)
    for store in (memory, sqlite, postgres):
        await store.open()
    seen: Counter[str] = Counter()
    wanted = WANTED | {"stop", "kill"}
    writes = 0
    for step in range(MOST_STEPS):
        if step >= STEPS and set(seen) >= wanted:
            break
        if history.random.random() < 0.01:
            seen["crash"] += 1
            memory, sqlite, postgres = memory.crash(), sqlite.crash(), await died(postgres)
            for store in (memory, sqlite, postgres):
                await store.open()
            # Behind the first time its tables are partitioned.
            await postgres.past.prepare(int(time.time() * 1000), 14 * 86_400_000)
        if history.random.random() < 0.02:
            await restart(own_postgres, seen)
        operation = history.draw()
        limit(sqlite, full=operation.name == "commit" and history.random.random() < 0.1)
        found = await attempt(sqlite, operation)
        memory.full = found == "full"  # whether a batch still fits is SQLite's affair
        if memory.full:
            await fill(own_postgres.url)
        expected, told = await attempt(memory, operation), await attempt(postgres, operation)
        if memory.full:
            memory.full = False
            await make_room(own_postgres.url)
        assert found == expected == told, f"seed {seed}, step {step}: {operation.name}"
        seen[outcome(operation, expected)] += 1
        if operation.name == "commit" and expected != "full":
            history.settle(operation, expected)
        writes += operation.name in {"commit", "definitions"}
        if writes == OFTEN:
            writes, right = 0, await everything(memory)
            assert await everything(sqlite) == right, f"seed {seed}, step {step}"
            assert await everything(postgres) == right, f"seed {seed}, step {step}"
    for store in (memory, sqlite, postgres):
        await store.close()
    assert set(seen) >= wanted, f"seed {seed}: never came: {wanted - set(seen)}"
