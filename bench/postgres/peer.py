"""The other side: DBOS on the same PostgreSQL server, the same order in three steps.

Its coroutines, by which it is quickest here; its words on the server are LISTEN and NOTIFY, as it
comes; a pool of connections that all in flight find room in, opened before anything is measured.

python -m bench.postgres.peer URL [WORKFLOWS] [IN_FLIGHT] [threads|async]
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench import peer
from bench.load import Watch
from bench.postgres.server import Meter, fresh_database

WARM_UP = 200


async def measure(server: str, workflows: int, in_flight: int, how: str) -> dict[str, Any]:
    """Rate, CPU here and in the server, and what was written, of each workflow."""
    async with fresh_database(server) as url:
        meter = await Meter.on(url)
        peer.DBOS(
            config={
                "name": "bench",
                "system_database_url": url,
                "log_level": "ERROR",
                "sys_db_pool_size": in_flight,
                "use_listen_notify": True,
            }
        )
        peer.DBOS.launch()
        warm_up = min(WARM_UP, workflows)
        run = peer.in_threads if how == "threads" else peer.on_a_loop
        await asyncio.to_thread(run, range(warm_up), in_flight)
        await meter.begin()
        watch = Watch()
        await asyncio.to_thread(run, range(warm_up, warm_up + workflows), in_flight)
        told = watch.rates(workflows) | await meter.told(workflows)
        peer.DBOS.destroy()
        await meter.close()
    return told


def main() -> None:
    workflows = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    in_flight = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    how = sys.argv[4] if len(sys.argv) > 4 else "async"
    print(json.dumps(asyncio.run(measure(sys.argv[1], workflows, in_flight, how))))


if __name__ == "__main__":
    main()
