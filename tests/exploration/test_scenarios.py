"""Every order of every scenario: nothing forbidden happens, and a conductor's outcomes are reached.

`PAVANE_PROVE=1` explores the large ones with all owners apart too, as far as `PAVANE_STATES` allows
(a million by default); `python -m tests.exploration` prints the table.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.exploration.beyond import BEYOND_THE_PAGE
from tests.exploration.reports import HEAD, Layout, report
from tests.exploration.scenarios import OF_THE_PAGE
from tests.exploration.writing import Scenario

PROVE = os.environ.get("PAVANE_PROVE", "") not in {"", "0"}
STATES = int(os.environ.get("PAVANE_STATES", "1000000"))
SCENARIOS = [*OF_THE_PAGE, *BEYOND_THE_PAGE]
LAYOUTS: tuple[Layout, ...] = ("together", "apart")
PLAYED = [
    (each, layout)
    for layout in LAYOUTS
    for each in SCENARIOS
    if PROVE or layout == "together" or not each.large
]


@pytest.fixture(scope="module")
def table() -> Generator[list[str]]:
    """Printed at the end (`pytest -s` shows it)."""
    lines = [HEAD]
    yield lines
    print("\n" + "\n".join(lines))


@pytest.mark.parametrize(
    ("scenario", "layout"), PLAYED, ids=lambda each: each if isinstance(each, str) else each.name
)
def test_every_order(scenario: Scenario, layout: Layout, table: list[str]) -> None:
    found = report(scenario, layout, STATES)
    table.append(found.line)
    assert not found.faults, "\n".join(found.faults)
    assert scenario.large or all(each.complete for each in found.found), "cut short"


def test_names_tell_scenarios_apart() -> None:
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
