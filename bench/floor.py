"""The floor: five 300-byte rows per workflow, each awaited, group commit, SQLite WAL FULL.

Not an engine: it says how much room the storage leaves on this machine, nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw

ROWS_PER_WORKFLOW = 5
PAYLOAD = b"x" * 289


class Floor:
    """Appends rows; everything that waits goes into one commit, whose fsync waits in a thread."""

    def __init__(self, path: str) -> None:
        self._db = apsw.Connection(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE history (id TEXT, n INTEGER, body BLOB, PRIMARY KEY (id, n)) "
            "WITHOUT ROWID"
        )
        self._queue: list[tuple[tuple[str, int, bytes], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(1)

    async def append(self, workflow: str, n: int) -> None:
        """One durable row."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(((workflow, n, PAYLOAD), future))
        self._wake.set()
        await future

    async def run(self) -> None:
        """Commit batches for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._queue = self._queue, []
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO history VALUES (?, ?, ?)", [r for r, _ in batch])
            await loop.run_in_executor(self._pool, self._db.execute, "COMMIT")
            for _, future in batch:
                future.set_result(None)


async def measure(workflows: int, in_flight: int) -> dict[str, float]:
    """Workflows per second and CPU microseconds per workflow."""
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(str(Path(folder) / "floor.db"))
        runner = asyncio.create_task(floor.run())
        numbers = iter(range(workflows))

        async def client() -> None:
            for number in numbers:
                for n in range(ROWS_PER_WORKFLOW):
                    await floor.append(f"workflow-{number:08}", n)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(client() for _ in range(in_flight)))
        seconds = time.perf_counter() - began
        runner.cancel()
    return {
        "workflows_per_s": workflows / seconds,
        "cpu_us_per_workflow": (time.process_time() - cpu) / workflows * 1e6,
    }


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(json.dumps(asyncio.run(measure(count, 64))))
