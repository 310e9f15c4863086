"""One side of an alternation: Pavane on PostgreSQL, with the services in its process.

python -m bench.postgres.ours URL [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench import ours
from bench.postgres.server import Meter, fresh_database
from pavane.adapters.postgres.store import PostgresStore


async def measure(server: str, workflows: int, in_flight: int) -> dict[str, Any]:
    """As on SQLite, and what the server used."""
    async with fresh_database(server) as url:
        meter = await Meter.on(url)
        told = await ours.measure(PostgresStore(url), workflows, in_flight, meter)
        await meter.close()
    return told


def main() -> None:
    workflows = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    in_flight = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    print(json.dumps(asyncio.run(measure(sys.argv[1], workflows, in_flight))))


if __name__ == "__main__":
    main()
