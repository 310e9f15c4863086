"""What nodes cost that have nothing to do: so many on one database, for some seconds.

python -m bench.postgres.rest URL [NODES] [SECONDS]
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from time import process_time

import asyncpg

from bench import order
from bench.postgres.server import Meter, fresh_database
from pavane.adapters.postgres.store import PostgresStore
from pavane.bootstrap import running_engine

SETTLED_S = 3.0  # until the nodes know each other


async def measure(server: str, nodes: int, seconds: float) -> dict[str, float]:
    """Of each node: statements and words a second, connections, and milliseconds of CPU a second.

    The nodes share this process, so its CPU is divided by them, as is the server's.
    """
    async with fresh_database(server) as url, AsyncExitStack() as stack:
        stores = [PostgresStore(url) for _ in range(nodes)]
        for store in stores:
            running = running_engine(store, services=order.SERVICES)
            engine = await stack.enter_async_context(running)
            await engine.register([order.definition()])
        await asyncio.sleep(SETTLED_S)
        meter = await Meter.on(url)
        before, cpu, server_cpu = [s.counters.copy() for s in stores], process_time(), meter.cpu_s()
        await asyncio.sleep(seconds)
        spent = process_time() - cpu, meter.cpu_s() - server_cpu
        since = [s.counters.since(then) for s, then in zip(stores, before, strict=True)]
        await meter.close()
        connections = await _connections(url)
    each_s = nodes * seconds
    told = {
        f"{name}_per_s": sum(each[name] for each in since) / each_s
        for name in ("statements", "round_trips", "commits", "tellings")
    }
    return told | {
        "connections": connections / nodes,
        "cpu_ms_per_s": spent[0] / each_s * 1e3,
        "server_cpu_ms_per_s": spent[1] / each_s * 1e3,
    }


async def _connections(url: str) -> int:
    """Those of the nodes: all on their database but the one that asks."""
    asking = await asyncpg.connect(url)
    count = await asking.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await asking.close()
    return count


def main() -> None:
    nodes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    print(json.dumps(asyncio.run(measure(sys.argv[1], nodes, seconds))))


if __name__ == "__main__":
    main()
