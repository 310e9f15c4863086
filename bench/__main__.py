"""`python -m bench [PART …] [--small]`: measures, prints a table, judges nothing by its exit code.

Without a part it runs all but `profile`, which is run only when asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import big, budget, fork, profile, server, throughput
from bench.buses import results as buses
from bench.dancers import results as dancers
from bench.handlers import results as handlers
from bench.postgres import forgetting
from bench.postgres import results as postgres
from bench.result import Result, print_results
from bench.workers import endpoints
from bench.workers import results as workers

Part = Callable[[bool], list[Result]]


def _budget(_small: bool) -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = asyncio.run(budget.orders(folder / "alone.db", 1, 1))
        many = asyncio.run(budget.orders(folder / "many.db", 64, 64))
        rows = sum(count for table, count in alone.items() if table.startswith("rows."))
        return [
            Result("an order alone: rows, payload bytes", f"{rows}, {alone['payload_bytes']}"),
            Result("  statements, commits", f"{alone['statements']}, {alone['commits']}"),
            Result(
                "64 in flight: statements, commits for all",
                f"{many['statements']}, {many['commits']}",
                "as one alone",
                (many["statements"], many["commits"]) == (alone["statements"], alone["commits"]),
            ),
            *_long_run(folder / "long.db"),
        ]


def _long_run(path: Path) -> list[Result]:
    early, late = range(100, 148), range(10_000, 10_048)
    costs = asyncio.run(budget.long_run(path, late.stop + 1, [*early, *late]))
    first, then = costs[: len(early)], costs[len(early) :]
    same = all(
        sum(cost.counters[name] for cost in first) == sum(cost.counters[name] for cost in then)
        for name in first[0].counters
        if name not in {"wal_pages", "checkpoints"}
    )
    calls = tuple(sum(cost.calls for cost in each) // len(each) for each in (first, then))
    return [
        Result("step 10,000: counters as those of step 100", "yes" if same else "no", "yes", same),
        Result("  Python calls at step 100, at step 10,000", f"{calls[0]}, {calls[1]}"),
    ]


PARTS: dict[str, Part] = {
    "budget": _budget,
    "throughput": lambda small: throughput.results(2 if small else throughput.PAIRS),
    "big": lambda small: big.results(50_000, 2) if small else big.results(),
    "fork": lambda small: fork.results(2_000 if small else fork.BRANCHES),
    "server": lambda small: server.results(2 if small else server.PAIRS),
    "workers": lambda small: workers.results(1, 300, 30) if small else workers.results(),
    "dancers": lambda small: dancers.results(1, 300, 30) if small else dancers.results(),
    "handlers": lambda small: handlers.results(1, 1000) if small else handlers.results(),
    "buses": lambda small: buses.results(1, 1000) if small else buses.results(),
    "postgres": lambda small: postgres.results(1, 300) if small else postgres.results(),
    "forget": lambda small: forgetting.results(1, 300) if small else forgetting.results(),
    "endpoints": lambda small: endpoints.results(400 if small else endpoints.TASKS),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "profile"]))
    parser.add_argument("--small", action="store_true", help="small sizes, to see that it works")
    options = parser.parse_args()
    wanted = options.parts or list(PARTS)
    if unknown := set(wanted) - {*PARTS, "profile"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    cores, (load, _, _) = os.cpu_count(), os.getloadavg()
    print(f"{cores} cores, load {load:.1f} before. Ratios are medians of pairs; 25 % is noise.")
    for part in wanted:
        if part == "profile":
            profile.run()
            continue
        began = time.perf_counter()
        found = PARTS[part](options.small)
        print_results(f"{part} ({time.perf_counter() - began:.0f} s)", found)


if __name__ == "__main__":
    main()
