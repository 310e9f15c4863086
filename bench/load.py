"""Workflows through a running engine, a fixed number in flight, each result read from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from time import perf_counter, process_time

import msgspec

from bench import order
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader

PATIENCE_S = 60.0


class Load:
    """Sends orders through an engine that knows the workflow of `bench.order`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = Reader(engine.store)
        self._numbers = count()
        self.latencies_s: list[float] = []

    async def one(self) -> None:
        """One order from its start until its result is read back."""
        number = next(self._numbers)
        began = perf_counter()
        id = await self._engine.start_execution(order.NAME, order.order_input(number))
        await self._engine.wait(id, PATIENCE_S)
        summary, output = await self._reader.result(id)
        receipt = msgspec.json.decode(output, type=order.Receipt)
        if summary.status != "COMPLETED" or receipt != order.receipt(number):
            raise AssertionError(f"order {number} came back as {summary.status} {receipt}")
        self.latencies_s.append(perf_counter() - began)

    async def many(self, workflows: int, in_flight: int) -> None:
        """That many orders, so many of them at once."""
        left = iter(range(workflows))

        async def client() -> None:
            for _ in left:
                await self.one()

        await asyncio.gather(*(client() for _ in range(in_flight)))

    async def until(self, over: Callable[[], bool], in_flight: int) -> None:
        """Orders without end, until asked to stop."""

        async def client() -> None:
            while not over():
                await self.one()

        await asyncio.gather(*(client() for _ in range(in_flight)))


class Watch:
    """Seconds on the wall and on the processors (all threads) since it was made."""

    def __init__(self) -> None:
        self._began, self._cpu = perf_counter(), process_time()

    def rates(self, workflows: int) -> dict[str, float]:
        """Workflows per second, and CPU microseconds of each."""
        return {
            "workflows_per_s": workflows / (perf_counter() - self._began),
            "cpu_us_per_workflow": (process_time() - self._cpu) / workflows * 1e6,
        }
