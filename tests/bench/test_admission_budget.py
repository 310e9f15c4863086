"""What a place costs: nothing where there is no limit, and the same however many wait for one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model.workflow import RateLimit, Step, Workflow
from pavane.engine.engine import Engine

pytestmark = pytest.mark.anyio

ASK = Step(name="ask", task_reference_name="ask", type="HUMAN")
FREE = Workflow(name="asking", tasks=[ASK])
LIMITED = Workflow(name="asking", tasks=[ASK], rate_limit_config=RateLimit("", 1))
FEW, MANY = 5, 1500

Told = dict[str, int]


async def _settled() -> None:
    """Until whatever follows has happened: all of it happens on this loop."""
    for _ in range(200):
        await asyncio.sleep(0)


async def _run(path: Path, workflow: Workflow, waiting: int) -> tuple[Told, Told]:
    """What it cost to start one, and to end one and let the next one begin where one waits."""
    store = SqliteStore(path, commit_thread=False, durable=False)
    async with running_engine(store) as engine:
        await engine.register([workflow])
        await (warm := _Asked(engine)).start()
        await warm.answer()
        before = store.counters.copy()
        await (first := _Asked(engine)).start()
        started = store.counters.since(before)
        for _ in range(waiting):
            await _Asked(engine).start()
        before = store.counters.copy()
        await first.answer()
        await _settled()
        told = store.counters.since(before)
        assert len(await store.leases("")) == (1 if workflow is LIMITED and waiting else 0)
    return _exact(started), _exact(told)


class _Asked:
    """One execution of the workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.id = ""

    async def start(self) -> None:
        self.id = await self._engine.start_execution("asking", b"{}")
        await _settled()

    async def answer(self) -> None:
        await self._engine.signal(self.id, "ask")
        await _settled()


def _exact(told: Told) -> Told:
    """Without what depends on where rows fall."""
    return {name: count for name, count in told.items() if name not in {"wal_pages", "checkpoints"}}


def _more(told: Told, than: Told) -> Told:
    return {name: told[name] - than[name] for name in told if told[name] != than[name]}


async def test_a_place_costs_a_row_when_it_begins_and_one_when_it_ends(tmp_path: Path):
    free = await _run(tmp_path / "free.db", FREE, 0)
    limited = await _run(tmp_path / "limited.db", LIMITED, 0)
    began, ended = (_more(*both) for both in zip(limited, free, strict=True))
    assert began == {"rows.ready": 1, "payload_bytes": len(',{"kind":"admitted"}')}
    assert ended == {"rows.ready": 1}


async def test_the_next_one_begins_at_the_same_cost_however_many_wait(tmp_path: Path):
    (_, few), (_, many) = [
        await _run(tmp_path / f"{waiting}.db", LIMITED, waiting) for waiting in (FEW, MANY)
    ]
    assert few == many
    assert (few["commits"], few["rows.execution"], few["lost"]) == (2, 2, 0)
