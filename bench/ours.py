"""One side of an alternation: Pavane on SQLite, with the services in its process.

python -m bench.ours [WORKFLOWS] [IN_FLIGHT] [DATABASE]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

from bench import order
from bench.load import Load, Watch
from pavane.adapters.postgres.store import PostgresStore
from pavane.adapters.sqlite.store import SqliteStore
from pavane.bootstrap import running_engine

WARM_UP = 500


class Beside(Protocol):
    """What is measured of others meanwhile."""

    async def begin(self) -> None:
        """From here on."""
        ...

    async def told(self, workflows: int, /) -> dict[str, float]:
        """Of each workflow, since then."""
        ...


async def measure(
    store: SqliteStore | PostgresStore,
    workflows: int,
    in_flight: int,
    beside: Beside | None = None,
) -> dict[str, Any]:
    """Rates, latencies and counters per workflow, on a new or a filled store."""
    async with running_engine(store, services=order.SERVICES) as engine:
        await engine.register([order.definition()])
        load = Load(engine)
        await load.many(min(WARM_UP, workflows), in_flight)
        load.latencies_s.clear()
        if beside is not None:
            await beside.begin()
        counters: Any = store.counters  # of its own kind each
        before = counters.copy()
        watch = Watch()
        await load.many(workflows, in_flight)
        rates = watch.rates(workflows)
        told = counters.since(before)
        if beside is not None:
            rates |= await beside.told(workflows)
    latencies = statistics.quantiles(load.latencies_s, n=100)
    return rates | {
        "p50_ms": latencies[49] * 1e3,
        "p99_ms": latencies[98] * 1e3,
        "counters_per_workflow": {name: n / workflows for name, n in told.items() if n},
    }


def main() -> None:
    workflows, in_flight = (int(sys.argv[i]) if len(sys.argv) > i else d for i, d in _DEFAULTS)
    if len(sys.argv) > 3:
        told = asyncio.run(measure(SqliteStore(Path(sys.argv[3])), workflows, in_flight))
    else:
        with tempfile.TemporaryDirectory() as folder:
            store = SqliteStore(Path(folder) / "ours.db")
            told = asyncio.run(measure(store, workflows, in_flight))
    print(json.dumps(told))


_DEFAULTS = ((1, 4000), (2, 64))

if __name__ == "__main__":
    main()
