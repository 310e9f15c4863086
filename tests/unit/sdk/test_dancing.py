"""Workflows in another style, called and asked as any other: the style is one word."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from pavane.adapters.memory.bus import MemoryBus
from pavane.adapters.memory.ledger import MemoryLedger
from pavane.bootstrap.choreographed import dancing, open_company, read_all
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.errors import (
    ConflictError,
    DefinitionError,
    ExecutionFailedError,
    Fail,
    NotFoundError,
    PastPivotError,
)
from pavane.sdk.client import Client
from pavane.sdk.service import Service
from pavane.sdk.workflow import scope, workflow
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock
from tests.unit.core.build import of_type
from tests.unit.core.build import task as step
from tests.unit.core.build import workflow as written

store, bank = Service("store"), Service("bank")
done: list[str] = []


@store.task
async def put_back(item: str) -> None:
    done.append(f"put back {item}")


@store.task(undo=put_back)
async def take(item: str) -> int:
    return len(item)


@bank.task
async def pay(amount: int) -> int:
    if amount > 5:
        raise Fail("too dear")
    return amount * 10


@workflow(style="choreographed")
async def dance(item: str) -> int:
    amount = await take(item)
    return await pay(amount)


@workflow
async def half(item: str) -> int:
    amount = await take(item)
    async with scope("money", style="choreographed"):
        paid = await pay(amount)
    return paid


@workflow(style="choreographed")
async def other_half(item: str) -> int:
    amount = await take(item)
    async with scope("money", style="orchestrated"):
        paid = await pay(amount)
    return paid


@pytest.mark.parametrize("flow", [dance, half, other_half], ids=lambda flow: flow.name)
def test_the_style_is_a_word(flow: Callable[[str], Awaitable[int]]):
    async def both() -> None:
        assert await flow("lute") == 40
        done.clear()
        with pytest.raises(ExecutionFailedError, match="too dear") as told:
            await flow("harpsichord")
        assert told.value.status == "COMPENSATED"
        assert done == ["put back harpsichord"]

    asyncio.run(both())


# --- a client among dancers ---------------------------------------------------------------------


@asynccontextmanager
async def among(definition: Workflow, *services: Service) -> AsyncGenerator[Client]:
    clock = VirtualClock()
    scores = read_all([definition], {})
    async with open_company(MemoryBus(), scores, clock) as company, AsyncExitStack() as stack:
        for service in services:
            dancer = dancing(service, company, MemoryLedger(), clock, None, None)
            await stack.enter_async_context(dancer)
        yield Client.among(company.requests, company.observer, random.Random(1))


def service_of(*functions: Callable[..., Awaitable[object]]) -> Service:
    service = Service("s")
    for function in functions:
        service.task(function)
    return service


async def a() -> None: ...


undos = {"failures": 0, "calls": 0}


async def un_a() -> None:
    undos["calls"] += 1
    if undos["calls"] <= undos["failures"]:
        raise Fail("the till is locked")


def test_a_step_that_waits_is_signalled():
    async def main() -> None:
        wait = of_type("WAIT", "w")
        flow = written(step("a", service="s"), wait, style="choreographed")
        async with among(flow, service_of(a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            assert (await run.state()).status == "RUNNING"
            await run.signal("w", {"by": "hand"})
            assert await run.result() == {"by": "hand"}
            (found,) = await client.executions(workflow="test")
            assert (found.id, found.status) == (run.id, "COMPLETED")

    loop.run(main())


def test_a_step_that_waits_is_failed_for_a_reason():
    async def main() -> None:
        flow = written(step("a", service="s"), of_type("WAIT", "w"), style="choreographed")
        async with among(flow, service_of(a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            await run.signal("w", status="FAILED", reason="too expensive")
            with pytest.raises(ExecutionFailedError, match="too expensive"):
                await run.result()

    loop.run(main())


def asking(**inputs: object) -> Workflow:
    """Somebody is asked behind a step that can be undone."""
    human = of_type("HUMAN", "h", inputs)
    return written(step("a", undo="un_a", service="s"), human, style="choreographed")


def test_a_person_is_asked_and_answers():
    async def main() -> None:
        undos.update(failures=0, calls=0)
        async with among(asking(to=["desk"], deadline="2 days"), service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(86_400)
            asked = (await run.state()).steps[-1]
            assert (asked.ref, asked.type, asked.status) == ("h", "HUMAN", "IN_PROGRESS")
            await run.signal("h", {"by": "anna"})
            assert await run.result() == {"by": "anna"}
            assert undos["calls"] == 0

    loop.run(main())


@pytest.mark.parametrize(
    ("inputs", "status"),
    [({"deadline": "2 days"}, "COMPENSATED"), ({}, "RUNNING")],
)
def test_a_person_who_does_not_answer(inputs: dict[str, str], status: str):
    async def main() -> None:
        undos.update(failures=0, calls=0)
        async with among(asking(**inputs), service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(3 * 86_400)
            view = await run.state()
            assert view.status == status
            if status == "COMPENSATED":
                assert (view.cause, view.reason) == (
                    "TIMED_OUT",
                    "h: nobody answered before the deadline",
                )
                assert view.steps[1].status == "TIMED_OUT"
                assert undos["calls"] == 1

    loop.run(main())


def test_without_an_answer_it_can_go_on():
    async def main() -> None:
        flow = asking(deadline="2 days", onDeadline="continue")
        async with among(flow, service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(3 * 86_400)
            view = await run.state()
            assert (view.status, view.steps[1].status) == ("COMPLETED", "COMPLETED")
            assert bytes(view.steps[1].output) == b"null"

    loop.run(main())


def test_a_person_refuses_and_what_was_done_is_undone():
    async def main() -> None:
        undos.update(failures=0, calls=0)
        async with among(asking(), service_of(a, un_a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            await run.signal("h", status="FAILED", reason="too far")
            with pytest.raises(ExecutionFailedError, match="too far"):
                await run.result()
            assert undos["calls"] == 1

    loop.run(main())


def test_an_execution_is_cancelled_and_what_gave_up_is_settled():
    async def main() -> None:
        undos.update(failures=1, calls=0)
        flow = written(
            step("a", undo="un_a", service="s"), of_type("WAIT", "w"), style="choreographed"
        )
        async with among(flow, service_of(a, un_a)) as client:
            run = await client.start("test", input={}, key="k")
            again = await client.start("test", input={}, key="k")
            assert again.id == run.id
            await asyncio.sleep(1)
            await run.terminate("changed my mind")
            await asyncio.sleep(1)
            view = await run.state()
            assert view.status == "NEEDS_ATTENTION"
            assert [(each.ref, each.reason) for each in view.attention] == [
                ("undo:a", "the till is locked")
            ]
            await run.resolve("undo:a", "retry")
            await asyncio.sleep(1)
            view = await run.state()
            assert (view.status, view.cause) == ("COMPENSATED", "TERMINATED")
            assert view.reason == "changed my mind"

    loop.run(main())


def test_behind_its_pivot_nothing_is_cancelled():
    async def main() -> None:
        pivot = step("a", pivot=True, service="s")
        flow = written(pivot, of_type("WAIT", "w"), style="choreographed")
        async with among(flow, service_of(a)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            with pytest.raises(PastPivotError, match="past its pivot"):
                await run.terminate("too late")
            await run.signal("w")
            await run.result()
            with pytest.raises(ConflictError, match="has ended: it is COMPLETED"):
                await run.terminate()

    loop.run(main())


def test_what_only_a_conductor_can_do_is_refused():
    async def main() -> None:
        flow = written(step("a", service="s"), style="choreographed")
        async with among(flow, service_of(a)) as client:
            run = await client.start("test", input={})
            await run.result()
            with pytest.raises(ConflictError, match="no conductor"):
                await run.pause()
            with pytest.raises(NotFoundError, match="no choreographed workflow 'tset'"):
                await client.start("tset", input={})

    loop.run(main())


def test_what_gives_up_behind_a_pivot_is_settled_by_a_person():
    """Tried again or done by hand, whichever; what does not wait for a person is left alone."""
    tries: list[int] = []

    async def b() -> dict[str, int]:
        tries.append(1)
        if len(tries) < 3:
            raise Fail("out of paper")
        return {"n": len(tries)}

    async def main(action: str) -> tuple[str, object]:
        tries.clear()
        policy = TaskDefinition(name="b", retriable=True, response_timeout_seconds=60)
        flow = written(
            step("a", pivot=True, service="s"),
            step("b", service="s", policy=policy),
            style="choreographed",
        )
        async with among(flow, service_of(a, b)) as client:
            run = await client.start("test", input={})
            await asyncio.sleep(1)
            view = await run.state()
            assert view.status == "NEEDS_ATTENTION"
            assert [each.ref for each in view.attention] == ["b"]
            assert "behind the pivot" in view.reason
            await run.resolve("a", "retry")  # it is done, and nobody asked
            await run.resolve("b", action, {"n": 0})  # pyright: ignore[reportArgumentType]  # as a test may
            await asyncio.sleep(1)
            if action == "retry":
                await run.resolve("b", "retry")
                await asyncio.sleep(1)
            state = await run.state()
            return state.status, bytes(state.output)

    assert loop.run(main("retry")) == ("COMPLETED", b'{"n":3}')
    assert loop.run(main("done")) == ("COMPLETED", b'{"n":0}')
    assert loop.run(main("abandon"))[0] == "FAILED"


def test_a_style_that_does_not_exist_is_told():
    async def flow() -> None: ...

    with pytest.raises(DefinitionError, match="has the style 'baroque'"):
        workflow(style="baroque")(flow)  # pyright: ignore[reportArgumentType]  # as a test may
