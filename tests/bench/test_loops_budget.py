"""An iteration costs the same however many there were; on SQLite, with the production engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model import status
from pavane.core.model.workflow import Step, Workflow
from pavane.engine.views.reader import Reader
from pavane.sdk.service import Service

TIMES, EARLY, LATE = 300, 10, 290


def _loop() -> Workflow:
    body = Step(
        name="count",
        task_reference_name="count",
        input_parameters={"n": "${again.output.iteration}"},
    )
    step = Step(
        name="again",
        task_reference_name="again",
        type="DO_WHILE",
        evaluator_type="pavane",
        loop_condition=f"count.output.result < {TIMES}",
        loop_over=[body],
    )
    return Workflow(
        name="counting", tasks=[step], output_parameters={"last": "${count.output.result}"}
    )


async def _run(path: Path) -> dict[int, dict[str, int]]:
    store = SqliteStore(path, commit_thread=False, durable=False)
    found: dict[int, dict[str, int]] = {}
    before = store.counters.copy()

    service = Service("counter")

    @service.task
    async def count(n: int) -> int:
        nonlocal before
        found[n] = store.counters.since(before)
        before = store.counters.copy()
        return n

    assert count.name == "count"
    async with running_engine(store, services=[service]) as engine:
        await engine.register([_loop()])
        started = await engine.start_execution("counting", b"{}")
        header = await engine.wait(started)
        assert header.status == status.COMPLETED, header.reason
        view = await Reader(store).execution(started)
        assert bytes(view.output) == b'{"last":%d}' % TIMES
        steps = {each.ref: each for each in view.steps}
        assert len(steps) == TIMES + 1
        assert b'"300":{"count":{"result":300}}' in bytes(steps["again"].output)
    return found


def test_an_iteration_costs_the_same_early_and_late(tmp_path: Path):
    found = asyncio.run(_run(tmp_path / "loop.db"))
    ignored = {"wal_pages", "checkpoints", "payload_bytes"}
    early = {name: n for name, n in found[EARLY].items() if name not in ignored}
    late = {name: n for name, n in found[LATE].items() if name not in ignored}
    assert early == late
    assert early["commits"] == 1
    assert abs(found[EARLY]["payload_bytes"] - found[LATE]["payload_bytes"]) < 20
