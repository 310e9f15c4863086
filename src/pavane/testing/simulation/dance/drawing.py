"""Cases from seeds: calm ones, whose outcome is one; racy ones, whose outcome is one of several."""

from __future__ import annotations

from random import Random

import msgspec

from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.dance.case import POINTS, DanceCase, Stop
from pavane.testing.simulation.dance.definitions import Drawn, draw_definition
from pavane.testing.simulation.dance.network import CALM, Weather
from pavane.testing.simulation.dance.played import Run
from pavane.testing.simulation.dance.script import calm_script, racy_script
from pavane.testing.simulation.dance.steps import Traits

_WEATHERS = (
    CALM,
    Weather(delay_ms=30, late=0.5),
    Weather(delay_ms=900, late=0.4, duplicate=0.1),
    Weather(delay_ms=50, late=0.3, duplicate=0.35, forget=0.1),
    Weather(delay_ms=200, late=0.2, drop=0.15, duplicate=0.1, refuse=0.1),
    Weather(delay_ms=3000, late=0.3, duplicate=0.3, drop=0.1, forget=0.1, refuse=0.05),
)
_EVERYTHING = {
    "SIMPLE": 25.0,
    "FORK_JOIN": 25.0,
    "SWITCH": 30.0,
    "SET_VARIABLE": 14.0,
    "INLINE": 14.0,
    "NOOP": 14.0,
    "FORK_JOIN_DYNAMIC": 8.0,
    "WAIT": 20.0,
    "TERMINATE": 10.0,
    "DO_WHILE": 10.0,
}
_WAYS = {"SIMPLE": 5.0, "SWITCH": 70.0, "FORK_JOIN": 50.0, "NOOP": 25.0, "WAIT": 50.0}
_WAYS_OUT = {**_WAYS, "TERMINATE": 40.0, "WAIT": 0.0}
_CALM_TRAITS = (
    Traits(),
    Traits(steps=3, services=2),
    Traits(steps=5, services=5),
    Traits(steps=2, weights={"SUB_WORKFLOW": 60.0}, undo=0.9),
    Traits(steps=3, weights={"FORK_JOIN": 45.0}, undo=0.9),
    Traits(steps=5, undo=0.95, pivot=0.05, weights={"FORK_JOIN": 20.0, "SUB_WORKFLOW": 20.0}),
    Traits(steps=4, pivot=0.8, undo=0.9),
    Traits(steps=3, timeouts=0.9, optional=0.3, weights={"WAIT": 20.0}),
    Traits(steps=4, weights={"SWITCH": 30.0, "TERMINATE": 25.0, "INLINE": 15.0}),
    Traits(steps=3, undo=0.9, weights={"FORK_JOIN_DYNAMIC": 60.0}),
    Traits(steps=4, undo=0.95, pivot=0.05, weights={"FORK_JOIN_DYNAMIC": 30.0, "DO_WHILE": 40.0}),
    Traits(steps=4, undo=0.95, pivot=0.05, weights={"DO_WHILE": 60.0, "SET_VARIABLE": 20.0}),
    Traits(steps=4, undo=1.0, pivot=0.0, optional=0.0, weights={"DO_WHILE": 120.0}),
    Traits(steps=4, undo=1.0, pivot=0.0, weights={"DO_WHILE": 90.0, "SET_VARIABLE": 60.0}),
    Traits(steps=5, undo=0.9, pivot=0.1, depth=3, weights={"DO_WHILE": 40.0, "SWITCH": 20.0}),
    Traits(steps=5, undo=0.0, pivot=0.0, weights={**_EVERYTHING, "TERMINATE": 40.0}),
    Traits(steps=5, undo=0.0, pivot=0.0, deadline=0.95, endless=0.9, weights=_EVERYTHING),
    Traits(steps=6, undo=0.0, pivot=0.0, deadline=0.95, endless=0.9, weights=_EVERYTHING),
    Traits(steps=6, undo=0.0, pivot=0.0, weights={**_EVERYTHING, "TERMINATE": 40.0}),
    Traits(steps=6, undo=0.0, pivot=0.0, depth=1, weights=_WAYS_OUT),
    Traits(steps=5, undo=0.0, pivot=0.0, depth=1, weights=_WAYS_OUT),
    Traits(steps=5, undo=0.0, pivot=0.0, depth=1, deadline=0.95, endless=0.95, weights=_WAYS),
)
_SIDE_BY_SIDE = {"FORK_JOIN": 400.0, "TERMINATE": 0.0, "WAIT": 2.0, "SWITCH": 0.0, "NOOP": 0.0}
_PIVOT_INSIDE = {"SIMPLE": 50.0, "SUB_WORKFLOW": 60.0, "FORK_JOIN": 0.0, "SWITCH": 0.0}
_RACY_TRAITS = (
    Traits(steps=3, racy=True, undo=0.9, deadline=0.5, depth=1, weights={"FORK_JOIN": 45.0}),
    Traits(steps=2, racy=True, undo=0.9, deadline=0.7, depth=1),
    Traits(steps=3, racy=True, undo=0.9, timeouts=0.8, depth=1, weights={"FORK_JOIN": 30.0}),
    Traits(steps=3, racy=True, undo=0.9, pivot=0.9, deadline=0.5, depth=1, optional=0.0),
    Traits(steps=3, racy=True, undo=0.9, deadline=0.6, weights={"SUB_WORKFLOW": 45.0}),
    Traits(steps=3, racy=True, undo=1.0, pivot=1.0, deadline=0.6, weights=_PIVOT_INSIDE),
    Traits(steps=3, racy=True, undo=0.9, pivot=0.0, optional=0.0, depth=1, weights=_SIDE_BY_SIDE),
    Traits(steps=3, racy=True, undo=0.5, pivot=0.0, optional=0.0, depth=1, weights=_SIDE_BY_SIDE),
    Traits(steps=2, racy=True, undo=0.9, deadline=0.5, weights={"FORK_JOIN_DYNAMIC": 200.0}),
    Traits(steps=2, racy=True, undo=0.9, deadline=0.5, depth=1, weights={"DO_WHILE": 60.0}),
    Traits(steps=3, racy=True, undo=1.0, deadline=0.3, depth=1, weights={"RACE": 150.0}),
    Traits(steps=3, racy=True, undo=1.0, pivot=0.8, depth=2, weights={"RACE": 150.0}),
)
RACY_STEPS = 6  # at most so many steps of all kinds, so that every order can be tried
_KEPT_S = (15.0, 25.0, 40.0)  # longer than the worst weather holds a message back
_CUTS_S = (0.0, 0.02, 0.3, 1.0, 1.99, 2.0, 2.01, 3.0)


def calm_case(seed: int) -> DanceCase:
    """Nothing in it depends on which of two things comes first."""
    chance = Random(f"calm {seed}")
    drawn = draw_definition(chance, chance.choice(_CALM_TRAITS))
    runs = [Run("run", drawn, _input(chance), calm_script(chance, drawn))]
    if chance.random() < 0.15:
        runs.append(_next_version(chance, drawn))
    return _with_faults(chance, DanceCase(seed, runs))


def _input(chance: Random) -> dict[str, object]:
    return {"k": chance.randint(0, 2), "l": [2, 0, 1][: chance.randint(0, 3)]}


def _next_version(chance: Random, old: Drawn) -> Run:
    """A second run, of a version that not every service knows yet."""
    traits = chance.choice(_CALM_TRAITS)
    drawn = draw_definition(chance, traits, old.workflow.name, version=2)
    named = _renamed(drawn)
    at_s = chance.choice((0.0, 0.1, 1.0))
    return Run("next", named, _input(chance), calm_script(chance, named), at_s)


def _renamed(drawn: Drawn) -> Drawn:
    """With tasks of its own: two versions of a task at once are another matter."""
    text = msgspec.json.encode(drawn).replace(b'"do_', b'"redo_').replace(b'"undo_', b'"unredo_')
    return msgspec.json.decode(text, type=Drawn)


def racy_case(seed: int, share: int = 4) -> DanceCase:
    """Deadlines against replies, cancels against everything; `share` cases have one definition."""
    chance = Random(f"racy {seed // share}")
    while True:
        drawn = draw_definition(chance, chance.choice(_RACY_TRAITS))
        if count_steps(drawn) <= RACY_STEPS:
            break
    run = Run("run", drawn, _input(chance), racy_script(chance, drawn))
    cancelled = chance.random() < 0.4
    chance = Random(f"racy course {seed}")
    stops = [Stop("run", chance.choice(_CUTS_S))] if cancelled else []
    return _with_faults(chance, DanceCase(seed, [run], stops=stops))


def count_steps(drawn: Drawn) -> int:
    """All steps, of all kinds and at all depths."""
    return msgspec.json.encode(drawn.workflow).count(b'"taskReferenceName"')


def _with_faults(chance: Random, case: DanceCase) -> DanceCase:
    services = sorted({task.service for run in case.runs for task in run.drawn.tasks})
    crashes = {name: _crashes(chance) for name in services if chance.random() < 0.5}
    skew_ms = {name: chance.randint(-4000, 4000) for name in services}
    learns = {(name, "next"): chance.choice((0.0, 1.5, 6.0)) for name in services}
    return msgspec.structs.replace(
        case,
        weather=chance.choice(_WEATHERS),
        crashes=crashes if chance.random() < 0.6 else {},
        skew_ms=skew_ms if chance.random() < 0.3 else {},
        learns_s=learns if len(case.runs) > 1 else {},
        commit_s=chance.choice((0, 0, 0.002, 0.02)),
        shuffle=chance.random() < 0.5,
        twice=chance.random() < 0.1,
        keep_s=chance.choice(_KEPT_S) if chance.random() < 0.35 else 0.0,
    )


def _crashes(chance: Random) -> list[CrashAt]:
    found: list[CrashAt] = []
    for _ in range(chance.choice((1, 1, 2))):
        down_s = chance.choice((0.05, 0.4, 2.0))
        if chance.random() < 0.85:
            nth = chance.choice((1, 1, 2, 2, 3, chance.randint(3, 8)))
            found.append(CrashAt(chance.choice(POINTS), nth, down_s=down_s))
        else:
            found.append(CrashAt("", after_s=round(chance.random() * 2, 3), down_s=down_s))
    return found
