"""Orders on a store with a million ended runs, beside an empty one in the same folder."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from bench import bulk_load, statements
from bench.alternation import alternate, process
from bench.result import Result

RUNS = 1_000_000
PAYLOAD_BYTES = 300
PAIRS = 5
WORKFLOWS, IN_FLIGHT = 3000, 64


def results(runs: int = RUNS, pairs: int = PAIRS) -> list[Result]:
    """Plans, SQLite's own counters, and the two throughputs.

    The filled store is used again by each run: what they add to it is a hundredth of its size.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled = folder / "filled.db"
        seconds = bulk_load.fill(filled, runs, PAYLOAD_BYTES)
        size = filled.stat().st_size
        os.sync()  # what the loader left to be written is not to be paid by who comes next
        scanning = statements.scanning(filled)
        empty_work = asyncio.run(statements.counted(folder / "counted.db", 256, IN_FLIGHT))
        filled_work = asyncio.run(statements.counted(filled, 256, IN_FLIGHT))
        scanned = sum(work.scanned for work in filled_work.values())
        numbers = iter(range(2 * pairs))

        def empty() -> dict[str, Any]:
            return process("bench.ours", WORKFLOWS, IN_FLIGHT, folder / f"{next(numbers)}.db")()

        both = alternate(process("bench.ours", WORKFLOWS, IN_FLIGHT, filled), empty, pairs)
    same = _per_run(filled_work) == _per_run(empty_work)
    return [
        Result("ended runs loaded, MB, seconds", f"{runs:,}, {size / 1e6:,.0f}, {seconds:.0f}"),
        Result("hot plans that scan", ", ".join(scanning) or "none", "none", not scanning),
        Result("rows scanned by 256 orders", f"{scanned}", "0", scanned == 0),
        Result(
            "SQLite instructions of each, to an empty store's",
            _times(filled_work, empty_work),
            "equal",
            same,
        ),
        Result("throughput, to an empty store's", f"{both.ratio('workflows_per_s'):.2f}"),
        Result(
            "  workflows/s filled, empty",
            f"{both.our('workflows_per_s'):,.0f}, {both.their('workflows_per_s'):,.0f}",
        ),
        Result(
            "  CPU us of each filled, empty",
            f"{both.our('cpu_us_per_workflow'):,.0f}, {both.their('cpu_us_per_workflow'):,.0f}",
        ),
        Result(
            "  log pages of each filled, empty",
            ", ".join(
                f"{told[-1]['counters_per_workflow']['wal_pages']:.1f}"
                for told in (both.ours, both.theirs)
            ),
        ),
    ]


def _per_run(work: dict[str, statements.Work]) -> dict[str, float]:
    return {name: done.instructions / done.runs for name, done in work.items()}


def _times(work: dict[str, statements.Work], other: dict[str, statements.Work]) -> str:
    sums = (sum(done.instructions for done in each.values()) for each in (work, other))
    return f"{next(sums) / next(sums):.4f}"
