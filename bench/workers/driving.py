"""Orders sent to a side over HTTP, a fixed number in flight, and what the side's processes used."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from time import perf_counter, process_time
from typing import Any

from bench.workers.processes import Part

WARM_UP = 300

One = Callable[[int], Awaitable[None]]
"""Takes the order of that number from its start to its result, which it checks."""


async def drive(
    one: One, workflows: int, in_flight: int, parts: Mapping[str, Part]
) -> dict[str, Any]:
    """Rate, latencies, and microseconds of CPU per workflow, of each part and of the driver."""
    numbers, latencies_s = count(), list[float]()

    async def many(workflows: int) -> None:
        left = iter(range(workflows))

        async def client() -> None:
            for _ in left:
                began = perf_counter()
                await one(next(numbers))
                latencies_s.append(perf_counter() - began)

        await asyncio.gather(*(client() for _ in range(in_flight)))

    await many(min(WARM_UP, workflows))
    latencies_s.clear()
    before = {name: part.cpu_s() for name, part in parts.items()}
    began, cpu = perf_counter(), process_time()
    await many(workflows)
    seconds, driver_s = perf_counter() - began, process_time() - cpu
    used = {name: part.cpu_s() - before[name] for name, part in parts.items()}
    each_us = {name: each / workflows * 1e6 for name, each in used.items()}
    quantiles = statistics.quantiles(latencies_s, n=100)
    return {
        "workflows_per_s": workflows / seconds,
        "p50_ms": quantiles[49] * 1e3,
        "p99_ms": quantiles[98] * 1e3,
        "cpu_us_per_workflow": sum(each_us.values()),
        "cpu_us_of": each_us | {"driver": driver_s / workflows * 1e6},
    }
