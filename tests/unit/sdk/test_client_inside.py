"""Services, workers, engine and client together, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar, cast

import pytest

from pavane.bootstrap import running_engine
from pavane.errors import (
    ExecutionFailedError,
    InputError,
    NotFoundError,
    ResultTimeoutError,
    UsageError,
)
from pavane.sdk.client import Client
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.loop import run
from tests.unit.sdk import shop
from tests.unit.sdk.shop import Order, Receipt, buy, price

T = TypeVar("T")


def inside(scene: Callable[[Client], Awaitable[T]]) -> T:
    """Play a scene with a client of an engine in memory that has the shop."""

    async def main() -> T:
        async with running_engine(
            "memory:",
            services=[shop.stock],
            workflows=[buy, price],
            clock=VirtualClock(),
            chance=random.Random(1),
        ) as engine:
            return await scene(Client.embedded(engine))

    shop.attempts.clear()
    shop.undone.clear()
    return run(main())


def test_a_result_is_typed() -> None:
    async def scene(client: Client) -> Receipt:
        run = await client.start(buy, Order("A", Decimal("9.90")))
        return await run.result()

    assert inside(scene) == Receipt("R-A", Decimal("9.90"))


def test_a_result_that_is_no_object_comes_out_of_its_wrapping() -> None:
    async def scene(client: Client) -> tuple[int, Any]:
        run = await client.start(price, Order("A", Decimal(1)), 3)
        by_name = await client.start("price", input={"order": {"id": "A", "total": "1"}})
        return await run.result(), await by_name.result()

    assert inside(scene) == (63, {"result": 42})


def test_retries_are_quick_at_first_and_then_wait_longer() -> None:
    async def scene(client: Client) -> tuple[Receipt, float]:
        run = await client.start(buy, Order("A", Decimal(1), fails="3"))
        return await run.result(), asyncio.get_running_loop().time()

    receipt, took_s = inside(scene)
    assert receipt.reservation == "R-A"
    assert shop.attempts == ["A"] * 4
    assert 1.4 <= took_s < 1.6  # 0.2 + 0.4 + 0.8


@pytest.mark.parametrize(
    ("fails", "attempts", "reason"),
    [("for good", 1, "card declined"), ("always", 4, "ValueError: no line")],
)
def test_a_failure_is_raised_with_its_status_and_reason(
    fails: str, attempts: int, reason: str
) -> None:
    async def scene(client: Client) -> None:
        run = await client.start(buy, Order("A", Decimal(1), fails=fails))
        await run.result()

    with pytest.raises(ExecutionFailedError) as caught:
        inside(scene)
    assert caught.value.status == "COMPENSATED"
    assert reason in caught.value.reason
    assert reason in str(caught.value)
    assert len(shop.attempts) == attempts
    assert shop.undone == ["A R-A"]


def test_the_same_key_never_starts_twice() -> None:
    async def scene(client: Client) -> tuple[str, str, str]:
        first = await client.start(buy, Order("A", Decimal(1)), key="A")
        again = await client.start(buy, Order("A", Decimal(1)), key="A")
        other = await client.start(buy, Order("B", Decimal(1)), key="B")
        await other.result()
        await first.result()
        return first.id, again.id, other.id

    first, again, other = inside(scene)
    assert first == again != other
    assert sorted(shop.attempts) == ["A", "B"]


def test_a_result_that_takes_too_long_goes_on() -> None:
    async def scene(client: Client) -> tuple[float, Receipt, float]:
        loop = asyncio.get_running_loop()
        run = await client.start(buy, Order("A", Decimal(1), wait_s=1))
        with pytest.raises(ResultTimeoutError, match=r"within 90 s \(it is RUNNING\)"):
            await run.result("90s")
        at = loop.time()
        receipt = await client.execution(run.id).result()
        assert receipt == {"reservation": "R-A", "charged": "1"}
        return at, await run.result(), loop.time()

    at, receipt, end = inside(scene)
    assert 89 <= at <= 91
    assert receipt == Receipt("R-A", Decimal(1))
    assert 3600 <= end < 3602


def test_short_timeouts_are_kept() -> None:
    async def scene(client: Client) -> float:
        run = await client.start(buy, Order("A", Decimal(1), wait_s=1))
        with pytest.raises(ResultTimeoutError):
            await run.result("400ms")
        return asyncio.get_running_loop().time()

    assert 0.39 <= inside(scene) <= 0.6


def test_an_execution_is_paused_resumed_signalled_and_found() -> None:
    async def scene(client: Client) -> None:
        run = await client.start(buy, Order("A", Decimal(1), wait_s=1), key="A")
        await asyncio.sleep(1)
        assert await run.pause() == "PAUSED"
        assert await run.resume() == "RUNNING"
        state = await run.state()
        (waiting,) = [step.ref for step in state.steps if step.type == "WAIT"]
        assert await run.signal(waiting) == "COMPLETED"
        assert (await run.result()).reservation == "R-A"
        (found,) = await client.executions(workflow="buy", status="COMPLETED", key="A")
        assert found.id == run.id
        assert await client.executions(workflow="buy", status="RUNNING") == []

    inside(scene)


def test_a_terminated_execution_is_undone() -> None:
    async def scene(client: Client) -> str:
        run = await client.start(buy, Order("A", Decimal(1), wait_s=1))
        await asyncio.sleep(1)
        await run.terminate("changed my mind")
        with pytest.raises(ExecutionFailedError) as caught:
            await run.result()
        return caught.value.status

    assert inside(scene) == "COMPENSATED"
    assert shop.undone == ["A R-A"]


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        (lambda c: c.start("nobody", input={}), NotFoundError, "nobody"),
        (lambda c: c.start("buy", input=[1]), InputError, "The input is a list, not an object"),
        (lambda c: c.start("buy", "A"), UsageError, "its arguments have no names"),
        (lambda c: c.start(buy, "A"), InputError, "buy: order: expected object, got str"),
        (lambda c: c.start(buy), InputError, "missing a required argument: 'order'"),
        (lambda c: c.start(buy, Order("A", cast("Any", "x"))), InputError, "order.total"),
        (lambda c: c.start(print), UsageError, "is not a workflow"),
        (lambda c: c.execution("nowhere").result(), NotFoundError, "nowhere"),
        (lambda c: c.execution("nowhere").pause(), NotFoundError, "nowhere"),
    ],
)
def test_what_does_not_fit_is_refused(
    start: Callable[[Any], Awaitable[object]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        inside(start)


@pytest.mark.anyio
async def test_a_workflow_called_as_a_function_runs_here() -> None:
    assert await buy(Order("Z", Decimal("1.5"))) == Receipt("R-Z", Decimal("1.5"))
    assert await price(Order("Z", Decimal(1))) == 42
    with pytest.raises(ExecutionFailedError, match="card declined"):
        await buy(Order("Y", Decimal(1), fails="for good"))
