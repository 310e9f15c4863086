"""One side of an alternation: so many nodes on one database, which share the work between them.

python -m bench.postgres.nodes URL NODES [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Any

from bench.postgres.node import READY
from bench.postgres.server import Meter, fresh_database


async def measure(server: str, nodes: int, workflows: int, in_flight: int) -> dict[str, Any]:
    """Rate of all together, and CPU of nodes and server for each workflow."""
    async with fresh_database(server) as url, AsyncExitStack() as stack:
        share = workflows // nodes, in_flight // nodes
        running = [await stack.enter_async_context(node(url, *share)) for _ in range(nodes)]
        for each in running:
            assert await _line(each) == READY
        meter = await Meter.on(url)
        await meter.begin()
        began = perf_counter()
        for each in running:
            assert each.stdin is not None
            each.stdin.write(b"\n")
        told = [json.loads(await _line(each)) for each in running]
        seconds = perf_counter() - began
        used = await meter.told(share[0] * nodes)
        await meter.close()
    counters = [each["counters_per_workflow"] for each in told]
    return used | {
        "workflows_per_s": share[0] * nodes / seconds,
        "cpu_us_per_workflow": _mean(told, "cpu_us_per_workflow"),
        "p50_ms": _mean(told, "p50_ms"),
        "p99_ms": max(each["p99_ms"] for each in told),
        "round_trips_per_workflow": _mean(counters, "round_trips"),
        "commits_per_workflow": _mean(counters, "commits"),
        "tellings_per_workflow": _mean(counters, "tellings"),
        "lost": sum(each["lost"] for each in told),
    }


@asynccontextmanager
async def node(url: str, workflows: int, in_flight: int) -> AsyncGenerator[Process]:
    """A node's process, which is gone afterwards."""
    command = ("-m", "bench.postgres.node", url, str(workflows), str(in_flight))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().strip()
    if not line:
        raise RuntimeError(f"a node ended with {await process.wait()}")
    return line


def _mean(told: list[dict[str, Any]], figure: str) -> float:
    return sum(each.get(figure, 0) for each in told) / len(told)


def main() -> None:
    nodes = int(sys.argv[2])
    workflows = int(sys.argv[3]) if len(sys.argv) > 3 else 4000
    in_flight = int(sys.argv[4]) if len(sys.argv) > 4 else 64
    print(json.dumps(asyncio.run(measure(sys.argv[1], nodes, workflows, in_flight))))


if __name__ == "__main__":
    main()
