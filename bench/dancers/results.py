"""Three dancing processes on the embedded bus, beside the same three orchestrated over HTTP."""

from __future__ import annotations

from typing import Any

from bench import order
from bench.alternation import Pairs, alternate, process
from bench.result import Result
from bench.workers.results import rate, shares
from pavane.bootstrap.choreographed import choreographies_of
from pavane.core.projection.reading.hops import conducted_hops, danced_hops

PAIRS = 5
IN_FLIGHT = 64
MANY, ALONE = 2000, 150  # workflows in one run


def results(pairs: int = PAIRS, many: int = MANY, alone: int = ALONE) -> list[Result]:
    """The ratio of rates at 64 in flight, of latencies alone, and what each style sends."""
    beside, single = _beside(many, IN_FLIGHT, pairs), _beside(alone, 1, pairs)
    times, latency = beside.ratio("workflows_per_s"), single.ratio("p50_ms")
    return [
        Result("times the rate orchestrated", f"{times:.2f}", ">= 1", times >= 1),
        rate("danced", beside.ours),
        rate("orchestrated", beside.theirs),
        shares("danced", beside.ours),
        shares("orchestrated", beside.theirs),
        Result("latency alone, to orchestrated", f"{latency:.2f}", "< 1", latency < 1),
        _both("  ms, median: danced, orchestrated", single, "p50_ms", ".2f"),
        _both("  CPU us of each, alone", single, "cpu_us_per_workflow", ",.0f"),
        *_sent(single.ours[-1]["each"]),
    ]


def _beside(workflows: int, in_flight: int, pairs: int) -> Pairs:
    danced, conducted = (
        process(side, workflows, in_flight) for side in ("bench.dancers.ours", "bench.workers.ours")
    )
    return alternate(danced, conducted, pairs)


def _both(what: str, pairs: Pairs, figure: str, form: str) -> Result:
    return Result(what, f"{pairs.our(figure):{form}}, {pairs.their(figure):{form}}")


def _sent(each: dict[str, Any]) -> list[Result]:
    """What stood in the logs after the orders that came alone; hops are those of the definition."""
    score = choreographies_of(order.SERVICES, [order.fulfil_order])[order.NAME]
    danced, conducted = danced_hops(score), conducted_hops(score)
    told = ", ".join(f"{each[name]:g}" for name in ("messages", "notes", "entries"))
    return [
        Result("hops: danced, orchestrated", f"{danced}, {conducted}", "fewer", danced < conducted),
        Result("  danced: messages, notes, entries of each", told),
    ]
