"""A task's time is up: the engine and the worker may see it first, and it comes to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.bootstrap import running_engine
from pavane.engine.engine import Engine
from pavane.engine.exchange import Given, Wanted, exchange
from pavane.engine.views.records import Records
from pavane.errors import ExecutionFailedError
from pavane.sdk.context import TaskContext
from pavane.sdk.remote.line import Line
from pavane.sdk.remote.workers import RemoteWorkers
from pavane.sdk.service import Service
from pavane.sdk.worker import LocalWorkers
from pavane.sdk.workflow import workflow
from pavane.testing.simulation.clock import START_MS, VirtualClock
from pavane.testing.simulation.loop import run

bank = Service("bank")
told: list[object] = []


@bank.task
async def refund(amount: int, receipt: str | None) -> None:
    told.append(("refund", amount, receipt))


@bank.task(undo=refund, retries=0, timeout="2s")
async def charge(ctx: TaskContext, amount: int) -> str:
    told.append(("charge", ctx.deadline_at, amount))
    await asyncio.sleep(amount)
    return "paid"


@workflow
async def conducted(amount: int) -> str:
    return await charge(amount)


@workflow(style="choreographed")
async def danced(amount: int) -> str:
    return await charge(amount)


@pytest.mark.parametrize("flow", [conducted, danced], ids=["conducted", "danced"])
def test_what_took_too_long_was_perhaps_done_and_is_undone(flow: Callable[[int], Awaitable[str]]):
    async def main() -> None:
        with pytest.raises(ExecutionFailedError) as caught:
            await flow(3)
        assert caught.value.status == "COMPENSATED"
        assert caught.value.reason == "charge: timed out after 2 s"

    told.clear()
    asyncio.run(main())
    assert told[1:] == [("refund", 3, None)]


# --- a worker whose clock is wrong --------------------------------------------------------------


class Straight(Line):
    """A line to an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("http://127.0.0.1:1")
        self.engine = engine

    async def once(self, wanted: Wanted) -> Given:
        return await exchange(self.engine, Records(self.engine.store), wanted)


@pytest.mark.parametrize("ahead_s", [3600, 0, -3600])
def test_a_worker_has_its_time_whatever_its_clock_says(ahead_s: int):
    async def main() -> tuple[str, float]:
        clock = VirtualClock()
        workers = LocalWorkers([bank], VirtualClock(start_ms=START_MS + ahead_s * 1000))
        async with running_engine(MemoryStore(), workflows=[conducted], clock=clock) as engine:
            await engine.register([], workers.definitions)
            remote = RemoteWorkers(workers, Straight(engine), "w")
            remote.start()
            try:
                id = await engine.start_execution("conducted", b'{"amount":1}')
                good = await engine.wait(id, 60)
                begun = clock.now()
                id = await engine.start_execution("conducted", b'{"amount":3}')
                bad = await engine.wait(id, 60)
            finally:
                await remote.stop()
        assert (good.status, bad.status, bad.cause) == ("COMPLETED", "COMPENSATED", "TIMED_OUT")
        return bad.reason, (clock.now() - begun) / 1000

    told.clear()
    assert run(main(), limit_s=1000) == ("charge: timed out after 2 s", 2)
    assert told[-1] == ("refund", 3, None)
