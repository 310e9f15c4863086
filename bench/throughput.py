"""How many orders a second, beside the floor and beside a peer."""

from __future__ import annotations

from importlib.util import find_spec

from bench.alternation import Pairs, alternate, process
from bench.result import Result

IN_FLIGHT = 64
PAIRS = 5
OF_FLOOR, OF_PEER = 0.25, 20.0
OURS, FLOOR, PEER = 4000, 8000, 200  # workflows in one run: some seconds each
ALONE = 300


def results(pairs: int = PAIRS) -> list[Result]:
    """Both ratios, what a workflow costs, and how long one takes."""
    ours = process("bench.ours", OURS, IN_FLIGHT)
    floor = alternate(ours, process("bench.floor", FLOOR, IN_FLIGHT), pairs)
    alone = process("bench.ours", ALONE, 1)()
    found = [_ratio("of the floor", floor, OF_FLOOR), *_figures(floor)]
    quick = f"{alone['p50_ms']:.1f}, {alone['p99_ms']:.1f}"
    found.append(Result("  Pavane, one at a time: ms, median and 99 %", quick))
    if find_spec("dbos") is None:
        missing = "not installed: run it by `make bench`"
        return [*found, Result("times DBOS on SQLite", missing, f">= {OF_PEER}", met=False)]
    peer = alternate(ours, process("bench.peer", PEER, IN_FLIGHT, "async"), pairs)
    found.append(_ratio("times DBOS on SQLite", peer, OF_PEER))
    found.append(_rate("DBOS", peer.their("workflows_per_s"), peer.their("cpu_us_per_workflow")))
    return found


def _ratio(what: str, pairs: Pairs, target: float) -> Result:
    ratio = pairs.ratio("workflows_per_s")
    return Result(what, f"{ratio:.2f}", f">= {target}", ratio >= target)


def _rate(who: str, rate: float, cpu_us: float) -> Result:
    return Result(f"  {who}: workflows/s, CPU us of each", f"{rate:,.0f}, {cpu_us:,.0f}")


def _figures(pairs: Pairs) -> list[Result]:
    last = pairs.ours[-1]["counters_per_workflow"]
    rows = ", ".join(
        f"{name.removeprefix('rows.')} {count:.0f}"
        for name, count in last.items()
        if name.startswith("rows.")
    )
    return [
        _rate("Pavane", pairs.our("workflows_per_s"), pairs.our("cpu_us_per_workflow")),
        _rate("floor", pairs.their("workflows_per_s"), pairs.their("cpu_us_per_workflow")),
        Result(
            "  Pavane, 64 in flight: ms, median and 99 %",
            f"{pairs.our('p50_ms'):.0f}, {pairs.our('p99_ms'):.0f}",
        ),
        Result("  per workflow: rows", rows),
        Result(
            "  per workflow: commits, statements, loads",
            f"{last['commits']:.3f}, {last['statements']:.2f}, {last.get('loads', 0):.3f}",
        ),
        Result(
            "  per workflow: payload bytes, log pages",
            f"{last['payload_bytes']:,.0f}, {last['wal_pages']:.1f}",
        ),
    ]
