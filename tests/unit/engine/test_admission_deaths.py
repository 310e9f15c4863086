"""Executions that run at once: a death loses none, and lets no more run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.engine.engine import Engine
from pavane.ports.store import Unit
from tests.unit.engine.admitting import (
    at_once,
    at_work,
    begun,
    ends,
    how_many,
    play,
    running,
    start,
    view,
)

# --- deaths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_death_loses_none_and_lets_no_more_run(kind: str, tmp_path: Path) -> None:
    async def scene() -> None:
        store: Any = MemoryStore()
        if kind == "sqlite":
            store = SqliteStore(tmp_path / "yard.db", commit_thread=False)
        async with at_work(store, workers=False) as engine:
            ids = [await start(engine, "keyed", n, n % 2) for n in range(8)]
            held = await engine.store.leases("")
            assert len(held) == 2
        store = store.crash()
        async with at_work(store, workers=False) as engine:
            assert sorted(await engine.store.leases(""), key=str) == sorted(held, key=str)
            assert (await view(engine, ids[7])).waits == "1 of keyed for k 1 runs already"
        async with at_work(store.crash()) as engine:
            assert await ends(engine, *ids) == ["COMPLETED"] * 8
            assert await engine.store.leases("") == []

    play(scene)
    assert max(at_once) == 1
    assert [n for _, n in begun if n % 2] == [1, 3, 5, 7], "in their order"


class Mortal(MemoryStore):
    """Its process is gone in its nth commit: before it is written, or before anybody is told."""

    def __init__(self, left: int, *, written: bool) -> None:
        super().__init__()
        self.left, self.written, self.dead = left, written, asyncio.Event()

    async def commit(self, units: Sequence[Unit]) -> set[int]:
        self.left -= bool(units)
        if self.left:
            return await super().commit(units)
        if self.written:
            await super().commit(units)
        self.dead.set()
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("written", [False, True])
def test_a_death_in_any_commit_loses_none_and_lets_no_more_run(written: bool) -> None:
    keys = [f"k{n}" for n in range(5)]

    async def drive(engine: Engine) -> list[str]:
        ids = [await start(engine, "queue", n, key=key) for n, key in enumerate(keys)]
        return await ends(engine, *ids)

    async def scene(nth: int) -> bool:
        store: MemoryStore = Mortal(nth, written=written)
        async with at_work(store) as engine:
            driving = asyncio.create_task(drive(engine))
            dying = asyncio.create_task(store.dead.wait())
            await asyncio.wait([driving, dying], return_when=asyncio.FIRST_COMPLETED)
            died, after = store.dead.is_set(), store.crash()
            driving.cancel()
            dying.cancel()
        running.clear()
        async with at_work(after) as engine:
            assert await drive(engine) == ["COMPLETED"] * 5
            assert await how_many(engine, "queue") == 5
            assert await after.leases("") == []
            async with after.snapshot() as snapshot:
                assert await snapshot.queues() == {}
        return died

    deaths = 0
    for nth in range(1, 30):
        died = play(lambda nth=nth: scene(nth))
        assert max(at_once) <= 2
        if not died:
            break
        deaths += 1
    assert 10 <= deaths < 29, "in every commit there is"
