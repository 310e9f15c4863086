"""A branch made at run time costs the same however many there are; on SQLite, production engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine
from pavane.core.model import status
from pavane.core.model.workflow import Step, Workflow
from pavane.engine.views.reader import Reader
from pavane.sdk.service import Service

NARROW, WIDE, CHOSEN = 10, 1000, 5


def _fan() -> Workflow:
    inputs = {"forkTaskName": "count", "forkTaskInputs": "${workflow.input.items}"}
    fork = Step(
        name="all", task_reference_name="all", type="FORK_JOIN_DYNAMIC", input_parameters=inputs
    )
    join = Step(name="join", task_reference_name="join", type="JOIN")
    return Workflow(name="fanning", tasks=[fork, join])


async def _run(path: Path, width: int) -> dict[int, dict[str, int]]:
    """By branch, what was written and read from the one before it to it."""
    store = SqliteStore(path, commit_thread=False, durable=False)
    found: dict[int, dict[str, int]] = {}
    before = store.counters.copy()
    service = Service("counter", concurrency=1)

    @service.task
    async def count(n: int) -> int:
        nonlocal before
        found[n] = store.counters.since(before)
        before = store.counters.copy()
        return n

    assert count.name == "count"
    async with running_engine(store, services=[service]) as engine:
        await engine.register([_fan()])
        items = ",".join(f'{{"n":{n}}}' for n in range(width))
        started = await engine.start_execution("fanning", b'{"items":[%s]}' % items.encode())
        header = await engine.wait(started)
        assert header.status == status.COMPLETED, header.reason
        view = await Reader(store).execution(started)
        steps = {each.ref: each for each in view.steps}
        assert len(steps) == width + 2
        assert b'"_count_%d":{"result":%d}' % (width - 1, width - 1) in bytes(view.output)
        assert b'"_count_%d"' % (width - 1) in bytes(steps["all"].input)
    assert len(found) == width
    return found


def test_a_branch_costs_the_same_among_few_and_among_many(tmp_path: Path):
    narrow = asyncio.run(_run(tmp_path / "narrow.db", NARROW))
    wide = asyncio.run(_run(tmp_path / "wide.db", WIDE))
    few, early, late = narrow[CHOSEN], wide[CHOSEN], wide[WIDE - CHOSEN]
    for name in few:
        if name.startswith(("rows.", "commits")):
            assert few[name] == early[name] == late[name], name
    assert early["commits"] == 1
    assert abs(few["payload_bytes"] - late["payload_bytes"]) < 20
    # The rows of a small execution are still at hand; those of a large one are loaded, once.
    assert few["loads"] <= early["loads"] == late["loads"] <= 1
    assert few["statements"] <= early["statements"] == late["statements"] <= 12
