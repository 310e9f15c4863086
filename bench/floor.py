"""The floor: five 300-byte rows per workflow, each awaited, group commit, SQLite WAL FULL.

Not an engine: it says how much room the storage leaves on this machine, nothing else. It awaits
each row as an engine must, commits off the loop, and reads nothing back.

python -m bench.floor [WORKFLOWS] [IN_FLIGHT]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import apsw

from bench.load import Watch

ROWS_PER_WORKFLOW = 5
PAYLOAD = b"x" * 289
WARM_UP = 500


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

    def close(self) -> None:
        """Let go of the file; nothing is being committed any more."""
        self._pool.shutdown()
        self._db.close()

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


async def measure(path: Path, workflows: int, in_flight: int) -> dict[str, float]:
    """Workflows per second and CPU microseconds per workflow."""
    floor = Floor(str(path))
    runner = asyncio.create_task(floor.run())
    numbers = count()

    async def many(workflows: int) -> None:
        left = iter(range(workflows))

        async def client() -> None:
            for _ in left:
                workflow = f"workflow-{next(numbers):08}"
                for n in range(ROWS_PER_WORKFLOW):
                    await floor.append(workflow, n)

        await asyncio.gather(*(client() for _ in range(in_flight)))

    await many(min(WARM_UP, workflows))
    watch = Watch()
    await many(workflows)
    rates = watch.rates(workflows)
    runner.cancel()
    floor.close()
    return rates


def main() -> None:
    workflows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder) / "floor.db", workflows, in_flight))))


if __name__ == "__main__":
    main()
