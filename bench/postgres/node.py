"""One node of several on a database: an engine, its services and its callers in one process.

It says when it is ready, begins when a line comes in, and prints what came of it.

python -m bench.postgres.node URL WORKFLOWS IN_FLIGHT
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench import ours
from pavane.adapters.postgres.store import PostgresStore

READY = "ready"


class Whistle:
    """All nodes begin at the same moment, warm."""

    async def begin(self) -> None:
        print(READY, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    async def told(self, _workflows: int) -> dict[str, float]:
        return {}


async def measure(url: str, workflows: int, in_flight: int) -> dict[str, Any]:
    store = PostgresStore(url)
    told = await ours.measure(store, workflows, in_flight, Whistle())
    return told | {"lost": store.counters.lost}


if __name__ == "__main__":
    numbers = int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(asyncio.run(measure(sys.argv[1], *numbers))), flush=True)
