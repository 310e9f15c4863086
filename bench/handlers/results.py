"""CPU of an event in a hand-written handler, and of its rows alone in as many commits."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.alternation import Pairs, process
from bench.result import Result

PAIRS = 5
EVENTS = 5000
SAME = ("inbox", "log", "commits")


def results(pairs: int = PAIRS, events: int = EVENTS) -> list[Result]:
    """Both figures, their ratio, and whether both sides have written the same."""
    told = [_pair(events) for _ in range(pairs)]
    both = Pairs(*zip(*told, strict=True))
    same = all(ours[each] == bare[each] for ours, bare in told for each in SAME)
    last = both.ours[-1]
    rows = ", ".join(f"{last[each] / events:.3g}" for each in SAME)
    return [
        Result("CPU us of an event: ours, its writes alone", _two(both, "cpu_us")),
        Result("  ratio", f"{both.ratio('cpu_us'):.1f}"),
        Result("  of each event: inbox, log, commits", rows),
        Result("  the same rows and commits on both sides", "yes" if same else "no", "yes", same),
    ]


def _pair(events: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is written alone is what our side has left, so ours comes first."""
    with tempfile.TemporaryDirectory() as folder:
        ours = process("bench.handlers.ours", Path(folder) / "bus", events)()
        at = (ours[name] for name in ("ledger", "position", "since_ms", "commits"))
        return ours, process("bench.handlers.bare", *at)()


def _two(both: Pairs, figure: str) -> str:
    return f"{both.our(figure):,.0f}, {both.their(figure):,.0f}"
