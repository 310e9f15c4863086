"""Our side: one service on the embedded bus, its handler, inbox and log; another process publishes.

The CPU is that of this process with all its threads, from the first event of a wave to its last
commit. Of the commits, and the rows of each, the ledger keeps exact counts.

python -m bench.handlers.ours FOLDER [EVENTS]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.handlers.events import payment
from pavane.adapters.embedded.bus import EmbeddedBus
from pavane.adapters.sqlite.ledger import SqliteLedger
from pavane.bootstrap.choreographed import dancing_services

WARM_UP = 500
PATIENCE_S = 120.0
LOOK_S = 0.05


async def wave(folder: Path, ledger: SqliteLedger, first: int, count: int) -> None:
    """Have so many events published, until each of them is handled durably."""
    wanted = ledger.counters.rows["inbox"] + count
    command = ("-m", "bench.handlers.publish", str(folder), str(first), str(count))
    publisher = await asyncio.create_subprocess_exec(sys.executable, *command)
    async with asyncio.timeout(PATIENCE_S):
        if await publisher.wait():
            raise RuntimeError("the publisher failed")
        while ledger.counters.rows["inbox"] < wanted:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(LOOK_S)


async def measure(folder: Path, events: int) -> dict[str, Any]:
    async with dancing_services(EmbeddedBus(folder), services=[payment], watched=False) as company:
        ledger = company.ledgers["payment"]
        assert isinstance(ledger, SqliteLedger)
        await wave(folder, ledger, 0, WARM_UP)
        before = ledger.counters.copy()
        position = (await ledger.log_after(0, 1 << 30))[-1].position
        since_ms, cpu, began = time.time_ns() // 1_000_000, time.process_time(), time.perf_counter()
        await wave(folder, ledger, WARM_UP, events)
        cpu_s, seconds = time.process_time() - cpu, time.perf_counter() - began
        counted = ledger.counters.since(before)
    return {
        "cpu_us": cpu_s / events * 1e6,
        "seconds": seconds,
        "ledger": str(ledger.path),
        "position": position,
        "since_ms": since_ms,
        "commits": counted["commits"],
        "inbox": counted["rows.inbox"],
        "log": counted["records"],
        "other": counted["rows.execution"] + counted["rows.state"] + counted["rows.todo"],
    }


def main() -> None:
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    print(json.dumps(asyncio.run(measure(Path(sys.argv[1]), events))))


if __name__ == "__main__":
    main()
