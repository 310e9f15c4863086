"""Loops in every style: scopes of another style in them, and what people say about an iteration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pavane.core.model.workflow import Undo
from pavane.errors import ExecutionFailedError, Fail, NotFoundError
from pavane.sdk.service import Service
from pavane.sdk.workflow import scope, workflow
from pavane.testing.simulation import loop
from tests.unit.core.build import loop as again
from tests.unit.core.build import of_type, task
from tests.unit.core.build import workflow as written
from tests.unit.sdk.test_dancing import among, service_of

store, bank = Service("store"), Service("bank")
done: list[str] = []


@store.task
async def put_back(item: str) -> None:
    done.append(f"put back {item}")


@store.task(undo=put_back)
async def take(item: str) -> int:
    done.append(f"take {item}")
    return len(item)


@bank.task
async def pay_back(amount: int) -> None:
    done.append(f"pay back {amount}")


@bank.task(undo=pay_back)
async def pay(amount: int) -> int:
    if amount > 5:
        raise Fail("too dear")
    done.append(f"pay {amount}")
    return amount * 10


@workflow
async def conducted(items: list[str]) -> int:
    total = 0
    for item in items:
        amount = await take(item)
        async with scope("money"):
            paid = await pay(amount)
        total += paid
    return total


@workflow(style="choreographed")
async def danced(items: list[str]) -> int:
    total = 0
    for item in items:
        amount = await take(item)
        async with scope("money"):
            paid = await pay(amount)
        total += paid
    return total


@workflow
async def half(items: list[str]) -> int:
    total = 0
    for item in items:
        amount = await take(item)
        async with scope("money", style="choreographed"):
            paid = await pay(amount)
        total += paid
    return total


@workflow(style="choreographed")
async def other_half(items: list[str]) -> int:
    total = 0
    for item in items:
        amount = await take(item)
        async with scope("money", style="orchestrated"):
            paid = await pay(amount)
        total += paid
    return total


STYLES = [conducted, danced, half, other_half]


@pytest.mark.parametrize("flow", STYLES, ids=lambda flow: flow.name)
def test_scopes_in_loops_in_every_style(flow: Callable[[list[str]], Awaitable[int]]):
    async def main() -> None:
        assert await flow(["lute", "drum"]) == 80
        assert await flow([]) == 0
        done.clear()
        with pytest.raises(ExecutionFailedError, match="too dear") as told:
            await flow(["lute", "harp", "harpsichord", "drum"])
        assert told.value.status == "COMPENSATED"
        there = ["take lute", "pay 4", "take harp", "pay 4", "take harpsichord"]
        back = ["put back harpsichord", "pay back 4", "put back harp", "pay back 4"]
        assert done == [*there, *back, "put back lute"]

    asyncio.run(main())


async def a() -> None: ...


undos = {"failures": 0, "calls": 0}


async def un_a() -> None:
    undos["calls"] += 1
    if undos["calls"] <= undos["failures"]:
        raise Fail("the till is locked")


def test_an_iteration_is_named_when_it_is_signalled():
    async def main() -> None:
        waits = again("l", of_type("WAIT", "w"), loop_condition="w.output.more == true")
        gives = {"said": "${w.output.said}", "n": "${l.output.iteration}"}
        first = task("a", service="s")
        flow = written(first, waits, style="choreographed", output_parameters=gives)
        async with among(flow, service_of(a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            with pytest.raises(NotFoundError, match="The step 'w' of test is in a loop"):
                await run.signal("w", {"more": False})
            await run.signal("w__1", {"more": True})
            await asyncio.sleep(1)
            steps = {step.ref: step.status for step in (await run.state()).steps}
            assert steps == {"a": "COMPLETED", "l": "IN_PROGRESS", **waiting}
            await run.signal("w__2", {"more": False, "said": "enough"})
            assert await run.result() == {"said": "enough", "n": 2}

    waiting = {"w__1": "COMPLETED", "w__2": "IN_PROGRESS"}
    loop.run(main())


def test_an_undo_that_gave_up_in_an_iteration_is_settled():
    async def main() -> None:
        undos.update(failures=1, calls=0)
        body = task("a", undo=Undo(name="un_a"), service="s")
        looped = again("l", body, items=[1, 2])
        flow = written(looped, of_type("WAIT", "w"), style="choreographed")
        async with among(flow, service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            await run.terminate("enough")
            await asyncio.sleep(30)
            assert (await run.state()).status == "NEEDS_ATTENTION"
            await run.resolve("undo:a__2", "retry")
            with pytest.raises(ExecutionFailedError, match="enough"):
                await run.result()
            steps = {step.ref: step.status for step in (await run.state()).steps}
            assert (steps["a__1"], steps["a__2"], steps["l"]) == ("UNDONE", "UNDONE", "COMPLETED")

    loop.run(main())
