"""Three service processes over HTTP, beside the HTTP floor and beside Restate, in alternation."""

from __future__ import annotations

from typing import Any

from bench.alternation import Pairs, alternate, process
from bench.result import Result
from bench.workers import peer

PAIRS = 5
IN_FLIGHT = 64
OF_FLOOR, OF_PEER, OF_LATENCY = 0.2, 5.0, 1 / 3
MANY, FLOOR, PEER = 2000, 3000, 400  # workflows in one run, 64 in flight: some seconds each
ALONE = 150


def results(pairs: int = PAIRS, many: int = MANY, alone: int = ALONE) -> list[Result]:
    """Both ratios at 64 in flight, the ratio of latencies alone, and what the processes used."""
    ours = process("bench.workers.ours", many, IN_FLIGHT)
    floor = process("bench.workers.floor", many * FLOOR // MANY, IN_FLIGHT)
    beside = alternate(ours, floor, pairs)
    found = [
        _at_least("of the HTTP floor", beside.ratio("workflows_per_s"), OF_FLOOR),
        rate("Pavane", beside.ours),
        rate("floor", beside.theirs),
        shares("Pavane", beside.ours),
        shares("floor", beside.theirs),
    ]
    if why := peer.missing():
        return [*found, Result("times Restate, three calls", why, f">= {OF_PEER:g}", met=False)]
    calls = alternate(ours, process("bench.workers.peer", many * PEER // MANY, IN_FLIGHT), pairs)
    single = alternate(
        process("bench.workers.ours", alone, 1), process("bench.workers.peer", alone, 1), pairs
    )
    latency = single.ratio("p50_ms")
    return [
        *found,
        _at_least("times Restate, three calls", calls.ratio("workflows_per_s"), OF_PEER),
        rate("Restate", calls.theirs),
        shares("Restate", calls.theirs),
        Result("latency alone, to Restate's", f"{latency:.2f}", "<= 0.33", latency <= OF_LATENCY),
        Result(
            "  ms, median: Pavane, Restate",
            f"{single.our('p50_ms'):.1f}, {single.their('p50_ms'):.1f}",
        ),
    ]


def _at_least(what: str, ratio: float, target: float) -> Result:
    return Result(what, f"{ratio:.2f}", f">= {target:g}", ratio >= target)


def rate(who: str, told: list[dict[str, Any]]) -> Result:
    """Workflows per second and the CPU of each in the side's processes, the medians of all runs."""
    middle = Pairs(told, told)
    rate, cpu_us = middle.our("workflows_per_s"), middle.our("cpu_us_per_workflow")
    return Result(f"  {who}: workflows/s, CPU us of each", f"{rate:,.0f}, {cpu_us:,.0f}")


def shares(who: str, told: list[dict[str, Any]]) -> Result:
    """The CPU of each process in the last run."""
    last = told[-1]["cpu_us_of"]
    return Result(
        f"  {who}: CPU us per workflow", ", ".join(f"{k} {us:,.0f}" for k, us in last.items())
    )
