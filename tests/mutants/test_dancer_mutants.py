"""Exploration finds each rule that is broken, in its scenario; the shortest ways are in traces/.

The scenarios are those of the protocol's page (section 5), with each owner a role of its own, so
that all messages travel. PAVANE_UPDATE_GOLDEN=1 writes the traces anew.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from pavane.core.check.explore import HUMAN, Exploration, Network, explore, search, world
from pavane.core.check.explore.parts import CALLED_TWICE
from pavane.core.projection.dancing.dancer import Dancer
from tests.exploration.beyond import BEYOND_THE_PAGE
from tests.exploration.conductor import outcomes
from tests.exploration.reports import Layout
from tests.exploration.scenarios import OF_THE_PAGE
from tests.exploration.writing import Scenario
from tests.mutants import dancers

TRACES = Path(__file__).with_name("traces")
UPDATE = os.environ.get("PAVANE_UPDATE_GOLDEN", "") not in {"", "0"}
SCENARIOS = {each.name: each for each in [*OF_THE_PAGE, *BEYOND_THE_PAGE]}

CHAIN = "A → B → C f ⏱"
FORK = "fork all (pay f, inv f) → ship ⏱"
IN_A_ROW = "A → T(B, C f ⏱) → D f ⏱, inner abort propagates"
BESIDE = "fork (T(A, B f ⏱), C f) ⏱"
LATE = "A → B l → C f ⏱"
PIVOT = "A f → P! → B ⏱"
INNER_PIVOT = "A → T(B, P! ⏱) → D ⏱, pivot asks outwards"
DEAD_PIVOT = "A → P! → B ⏱, its token is dead"
ANY = "any (A, B f) → C f"
LOOP = "A → loop of 2 (X, Y f) ⏱"
AGAIN = "loop of 2 around caught T(X, Y f) → B f, a retried scope"
TOLD = "A → loop of 2 (optional Y f), Y reads A"
EACH = "for-each 0, 2 or 3 of X f → Y"


class Caught(NamedTuple):
    """In which scenario a mutant falls, by what, and after how many steps."""

    mutant: type[Dancer]
    scenario: str
    kind: str
    steps: int
    network: Network = "many"
    layout: Layout = "apart"


CAUGHT = [
    Caught(dancers.NoTombstone, FORK, world.ENDED_SCOPE, 15),
    Caught(dancers.RunningIsStill, CHAIN, world.ENDED_SCOPE, 10),
    Caught(dancers.OpenScopeIsStill, IN_A_ROW, world.UNDER_CONSEQUENCE, 14),
    Caught(dancers.LateIsStill, LATE, world.UNDER_CONSEQUENCE, 14),
    Caught(dancers.UnknownIsNothing, LATE, world.UNDER_CONSEQUENCE, 15),
    Caught(dancers.UndoesAtOnce, CHAIN, world.UNDER_CONSEQUENCE, 9),
    Caught(dancers.UndoesAllTogether, CHAIN, world.UNDER_CONSEQUENCE, 14),
    Caught(dancers.DeadlineBehindPivot, PIVOT, world.PIVOT_UNDONE, 15),
    Caught(dancers.DeadlineAfterClose, IN_A_ROW, world.UNDER_CONSEQUENCE, 17),
    Caught(dancers.StartsAbortAgain, FORK, search.STUCK, 10, "once", "together"),
    Caught(dancers.PivotDoesNotAsk, PIVOT, world.PIVOT_UNDONE, 13),
    Caught(dancers.AsksOneHomeOnly, INNER_PIVOT, world.PIVOT_UNDONE, 24),
    Caught(dancers.DoorStaysOpenForGood, INNER_PIVOT, HUMAN, 18),
    Caught(dancers.ClosesOverLosers, ANY, world.ENDED_SCOPE, 13),
    Caught(dancers.DoneLoserStays, ANY, search.UNEXPECTED, 19),
    Caught(dancers.NoRowGuard, FORK, CALLED_TWICE, 4),
    Caught(dancers.ItemsShareARow, EACH, search.STUCK, 6),
    Caught(
        dancers.FrozenForAllGenerations,
        "loop of 2 around caught T(X, Y f) → B f, a retried scope",
        search.STUCK,
        17,
    ),
    Caught(dancers.LeastCount, EACH, world.ENDED_SCOPE, 10),
    Caught(dancers.SilentWay, "optional X → B, no deadline", search.STUCK, 2),
    Caught(
        dancers.FailedUndoCounts,
        "A → B → C f ⏱, undo of B fails once",
        world.UNDER_CONSEQUENCE,
        17,
    ),
    Caught(dancers.LoserDeafToUndo, ANY, search.STUCK, 17, "once", "together"),
    Caught(dancers.PerhapsTakesBack, "A → P! f l → B ⏱", world.PIVOT_UNDONE, 16),
    Caught(dancers.SilentDeadLetter, DEAD_PIVOT, world.PIVOT_UNDONE, 16),
    Caught(dancers.OptionalNotWaitedFor, "A → X? f l → B f ⏱", world.ENDED_SCOPE, 9),
    Caught(dancers.AgainTwice, LOOP, world.ENDED_SCOPE, 13),
    Caught(dancers.IterationsShareARow, AGAIN, search.STUCK, 9),
    Caught(dancers.OneGenerationInLoops, AGAIN, search.STUCK, 9),
    Caught(dancers.WaitsAtFirstOnly, TOLD, search.STUCK, 11),
]


def explored(
    mutant: type[Dancer], scenario: Scenario, network: Network, layout: Layout
) -> Exploration:
    return explore(
        scenario.apart if layout == "apart" else scenario.together,
        network,
        mishaps=scenario.mishaps,
        dancer=mutant,
        expected=outcomes(scenario.root, scenario.mishaps),
        alarms=scenario.human,
        limit=60_000,
    )


@pytest.mark.parametrize("caught", CAUGHT, ids=lambda caught: caught.mutant.__name__)
def test_a_broken_rule_is_found(caught: Caught) -> None:
    mutant, scenario, _, _, network, layout = caught
    violation = explored(mutant, SCENARIOS[scenario], network, layout).violation
    assert violation is not None
    lines = [caught.scenario, *violation.trace.lines(), f"→ {violation.kind}: {violation.text}"]
    text = "\n".join(lines) + "\n"
    file = TRACES / f"{caught.mutant.__name__}.txt"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert (violation.kind, len(violation.trace)) == (caught.kind, caught.steps), text
    assert text == file.read_text()


def test_every_mutant_has_its_scenario() -> None:
    written = {
        each
        for _, each in inspect.getmembers(dancers, inspect.isclass)
        if issubclass(each, Dancer) and each.__module__ == dancers.__name__
    }
    played = {caught.mutant for caught in CAUGHT}
    assert written - played == {dancers.Unchecked, dancers.DoorStaysOpen}
    assert {file.stem for file in TRACES.iterdir()} == {each.__name__ for each in played}


@pytest.mark.parametrize("layout", ["together", "apart"])
def test_lost_answers_come_again_where_all_messages_do(layout: Layout) -> None:
    found = explored(dancers.StartsAbortAgain, SCENARIOS[BESIDE], "many", layout)
    assert found.complete
    assert found.violation is None


def test_one_delivery_needs_no_row_guard() -> None:
    for scenario in SCENARIOS.values():
        found = explored(dancers.NoRowGuard, scenario, "once", "together")
        assert found.violation is None, scenario.name


@pytest.mark.parametrize("network", ["many", "once"])
def test_a_door_may_stay_open_where_the_outer_home_takes_back(network: Network) -> None:
    found = explored(dancers.DoorStaysOpen, SCENARIOS[INNER_PIVOT], network, "apart")
    assert found.complete
    assert found.violation is None


@pytest.mark.parametrize("network", ["many", "once"])
def test_a_dead_letter_need_not_be_written_down_but_for_pivots(network: Network) -> None:
    played = [each for name, each in SCENARIOS.items() if each.mishaps.dead and name != DEAD_PIVOT]
    assert played
    for scenario in played:
        found = explored(dancers.SilentDeadLetter, scenario, network, "together")
        assert found.violation is None, scenario.name
