"""A B A B: sides in processes of their own, by turns, so that both meet the same machine."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Side = Callable[[], dict[str, Any]]


def process(module: str, *arguments: object) -> Side:
    """A side that is a module: run, it prints one JSON object on its last line."""

    def run() -> dict[str, Any]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    return run


class Pairs:
    """What came of running two sides by turns."""

    def __init__(self, ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> None:
        self.ours, self.theirs = list(ours), list(theirs)

    def ratio(self, figure: str) -> float:
        """Median over the pairs of our figure divided by theirs in the same pair."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(a[figure] / b[figure] for a, b in pairs)

    def our(self, figure: str) -> float:
        """The median of our figure."""
        return statistics.median(told[figure] for told in self.ours)

    def their(self, figure: str) -> float:
        """The median of theirs."""
        return statistics.median(told[figure] for told in self.theirs)


def alternate(ours: Side, theirs: Side, pairs: int) -> Pairs:
    """Run both sides by turns; who begins changes with each pair."""
    ran = take_turns({"ours": ours, "theirs": theirs}, pairs)
    return Pairs(ran["ours"], ran["theirs"])


def take_turns(sides: Mapping[str, Side], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run any number of sides by turns; every other round goes backwards."""
    ran: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else reversed(list(sides)):
            ran[name].append(sides[name]())
    return ran
