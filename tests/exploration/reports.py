"""Explores scenarios and says what was found: for the tests, and for people who want the table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from pavane.core.check.explore import HUMAN, Exploration, Network, explore
from pavane.core.projection.choreography import Choreography
from tests.exploration.conductor import outcomes
from tests.exploration.writing import Scenario

NETWORKS: tuple[Network, ...] = ("many", "once")
Layout = Literal["together", "apart"]


class Report(msgspec.Struct):
    """One scenario in one layout, in both networks."""

    scenario: Scenario
    layout: Layout
    found: list[Exploration]
    seconds: list[float]

    @property
    def faults(self) -> list[str]:
        """What must not be: violations, and outcomes that no conductor has or that are missing."""
        wanted = outcomes(self.scenario.root, self.scenario.mishaps)
        faults: list[str] = []
        if len(wanted) != self.scenario.outcomes:
            faults.append(f"the conductor has {len(wanted)} outcomes")
        for each in self.found:
            if each.violation is not None:
                lines = "\n".join(each.violation.trace.lines())
                faults.append(
                    f"{each.network}: {each.violation.kind}, {each.violation.text}\n{lines}"
                )
            reached = {end for end in each.outcomes if end[0] != HUMAN}
            faults += [f"{each.network}: no conductor has {end}" for end in reached - wanted]
            if each.complete:
                if self.scenario.human and len(reached) == len(each.outcomes):
                    faults.append(f"{each.network}: no end needs a human")
                faults += [f"{each.network}: never reached {end}" for end in wanted - reached]
        return faults

    @property
    def line(self) -> str:
        """A line of the table."""
        cells = [self.scenario.name, self.layout]
        for each, seconds in zip(self.found, self.seconds, strict=True):
            cut = "" if each.complete else ", cut"
            cells.append(f"{each.states}, {seconds:.1f} s{cut}")
        cells.append(str(self.found[0].ends))
        reached = {end for end in self.found[0].outcomes if end[0] != HUMAN}
        human = " + needs a human" if len(reached) < len(self.found[0].outcomes) else ""
        cells.append(f"{len(reached)} of {self.scenario.outcomes}{human}")
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| scenario | owners | many: states, seconds | once | ends | outcomes |\n"
    "|---|---|---|---|---|---|"
)


def report(scenario: Scenario, layout: Layout, limit: int = 0) -> Report:
    """Explore one scenario in both networks."""
    made: Choreography = scenario.together if layout == "together" else scenario.apart
    found: list[Exploration] = []
    seconds: list[float] = []
    for network in NETWORKS:
        begun = time.perf_counter()
        found.append(
            explore(made, network, mishaps=scenario.mishaps, alarms=scenario.human, limit=limit)
        )
        seconds.append(time.perf_counter() - begun)
    return Report(scenario, layout, found, seconds)


def reports(scenarios: Iterable[Scenario], *, large: bool, limit: int = 0) -> Iterator[Report]:
    """All of them in both layouts; large ones with their owners apart only if asked for."""
    for scenario in scenarios:
        yield report(scenario, "together", limit)
        if large or not scenario.large:
            yield report(scenario, "apart", limit)
