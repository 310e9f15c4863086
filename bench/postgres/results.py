"""One node on PostgreSQL beside two floors and beside DBOS, two nodes beside one, nodes at rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from bench.alternation import Pairs, alternate, process
from bench.postgres.server import served
from bench.result import Result

PAIRS = 5
IN_FLIGHT = 64
OF_FLOOR, OF_PEER, OF_ONE = 0.25, 15.0, 1.0
OURS, FLOOR, PEER, NODES = 3000, 6000, 300, 4000  # workflows in one run: some seconds each
ALONE = 200
REST_S = 10

_MODULE = "bench.postgres"


def results(pairs: int = PAIRS, many: int = OURS) -> list[Result]:
    """The ratios, and what the sides used."""
    scale = many / OURS
    with served() as url:
        ours = process(f"{_MODULE}.ours", url, many, IN_FLIGHT)
        floor = partial(process, f"{_MODULE}.floor", url, int(FLOOR * scale), IN_FLIGHT)
        rows, history = (alternate(ours, floor(shape), pairs) for shape in ("rows", "history"))
        found = [
            *_figures(rows),
            _at_least("of the floor, the same rows", rows, OF_FLOOR),
            *_side("the floor", rows.their),
            Result("of five rows of 300 bytes", f"{history.ratio('workflows_per_s'):.2f}"),
            *_side("five rows", history.their),
        ]
        alone = process(f"{_MODULE}.ours", url, max(20, int(ALONE * scale)), 1)()
        quick = f"{alone['p50_ms']:.1f}, {alone['p99_ms']:.1f}"
        found.append(Result("Pavane, one at a time: ms, median and 99 %", quick))
        found += _beside_peer(url, many, pairs)
        found += _two_nodes(url, int(NODES * scale), pairs)
        found += _at_rest(process(f"{_MODULE}.rest", url, 2, max(2, int(REST_S * scale)))())
    return found


def _at_rest(told: dict[str, Any]) -> list[Result]:
    """What each of two nodes costs that have nothing to do."""
    cpu = f"{told['cpu_ms_per_s']:.1f}, {told['server_cpu_ms_per_s']:.1f}"
    return [
        Result("a node at rest: statements a second", f"{told['statements_per_s']:.1f}"),
        Result("  connections", f"{told['connections']:.1f}"),
        Result("  ms CPU a second, and in the server", cpu),
    ]


def _beside_peer(url: str, many: int, pairs: int) -> list[Result]:
    what = "times DBOS on the same server"
    if find_spec("dbos") is None:
        missing = "not installed: run it by `make bench`"
        return [Result(what, missing, f">= {OF_PEER:g}", met=False)]
    ours = process(f"{_MODULE}.ours", url, many, IN_FLIGHT)
    peer = process(f"{_MODULE}.peer", url, max(20, PEER * many // OURS), IN_FLIGHT)
    both = alternate(ours, peer, pairs)
    return [_at_least(what, both, OF_PEER), *_side("DBOS", both.their)]


def _two_nodes(url: str, many: int, pairs: int) -> list[Result]:
    """As many in flight at two as at one: it is the same load that they share."""
    two, one = (process(f"{_MODULE}.nodes", url, nodes, many, IN_FLIGHT) for nodes in (2, 1))
    both = alternate(two, one, pairs)
    trips, told, lost = (
        both.our(each) for each in ("round_trips_per_workflow", "tellings_per_workflow", "lost")
    )
    return [
        _at_least("two nodes, to one", both, OF_ONE),
        *_side("two nodes", both.our),
        *_side("one node", both.their),
        Result(
            "  two: round trips, words told, units lost", f"{trips:.2f}, {told:.2f}, {lost:.0f}"
        ),
    ]


def _at_least(what: str, pairs: Pairs, target: float) -> Result:
    ratio = pairs.ratio("workflows_per_s")
    return Result(what, f"{ratio:.2f}", f">= {target:g}", ratio >= target)


def _side(who: str, median: Callable[[str], float]) -> list[Result]:
    cpu, server = median("cpu_us_per_workflow"), median("server_cpu_us_per_workflow")
    return [
        Result(f"  {who}: workflows/s", f"{median('workflows_per_s'):,.0f}"),
        Result("    CPU us of each, and in the server", f"{cpu:,.0f}, {server:,.0f}"),
        Result(
            "    log bytes, transactions that wrote",
            f"{median('wal_bytes_per_workflow'):,.0f}, {median('transactions_per_workflow'):.3f}",
        ),
    ]


def _figures(pairs: Pairs) -> list[Result]:
    last = pairs.ours[-1]["counters_per_workflow"]
    rows = ", ".join(
        f"{name.removeprefix('rows.')} {count:.0f}"
        for name, count in last.items()
        if name.startswith("rows.")
    )
    return [
        *_side("Pavane", pairs.our),
        Result("    ms, median and 99 %", f"{pairs.our('p50_ms'):.0f}, {pairs.our('p99_ms'):.0f}"),
        Result("    rows", rows),
        Result(
            "    commits, statements, round trips, loads",
            f"{last['commits']:.3f}, {last['statements']:.3f}, {last['round_trips']:.3f},"
            f" {last.get('loads', 0):.3f}",
        ),
        Result("    payload bytes", f"{last['payload_bytes']:,.0f}"),
    ]
