"""One random case, all of it drawn from its seed: definitions, scripts, people, crashes."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.engine import points
from pavane.testing.simulation import definitions
from pavane.testing.simulation.definitions import TASKS, UNDOS, Traits
from pavane.testing.simulation.scripts import Mood


class Start(msgspec.Struct, frozen=True):
    """A client starts the first workflow; with `twice` it asks again with the same key."""

    at_s: float
    input: dict[str, Any]
    twice: bool = False


class Ask(msgspec.Struct, frozen=True):
    """Somebody asks something of an execution, chosen by `which` among those that there are."""

    at_s: float
    action: str
    which: float


class CrashAt(msgspec.Struct, frozen=True):
    """The process dies the `nth` time that it passes a point, or (point "") `after_s` its boot."""

    point: str
    nth: int = 1
    after_s: float = 0
    down_s: float = 0.5


class Case(msgspec.Struct, frozen=True):
    """Everything that happens from outside."""

    seed: int
    shuffle: bool
    traits: Traits
    mood: Mood
    workflows: list[Workflow]
    tasks: list[TaskDefinition]
    starts: list[Start]
    asks: list[Ask]
    crashes: list[CrashAt]
    outside: frozenset[str]  # tasks done by workers in another process
    places: int
    commit_s: float  # how long a commit takes
    full: tuple[float, float]  # from when to when the store has no room, in seconds
    late_crew_s: float  # the workers come only then
    absent_people: bool  # nobody ever settles, resumes or signals


POINTS = (*points.ALL, "writing", "written")  # the last two are the store's own

_MOODS = (
    Mood(),
    Mood(fails=0.2, fatal=0.1, gives_up=0.05, hangs=0.06),
    Mood(fatal=0.12, undo_fails=0.4, undo_stuck=0.15),
    Mood(hangs=0.25, later=0.1, twice=0.3),
    Mood(fails=0.05, fatal=0.0, gives_up=0.0, hangs=0.0, undo_fails=0.1, undo_stuck=0.0),
)
_TRAITS = (
    Traits(),
    Traits(weights={"FORK_JOIN": 35.0}, steps=10),
    Traits(weights={"SUB_WORKFLOW": 35.0}, steps=7),
    Traits(undo=0.95, weights={"SUB_WORKFLOW": 16.0, "FORK_JOIN": 16.0}),
    Traits(pivot=0.4, undo=0.8),
    Traits(timeouts=0.8, weights={"WAIT": 12.0}),
    Traits(optional=0.25, permissive=0.2, weights={"FORK_JOIN": 20.0}),
    Traits(weights={"SWITCH": 30.0, "TERMINATE": 10.0}),
    Traits(weights={"DO_WHILE": 30.0, "FORK_JOIN_DYNAMIC": 10.0}, steps=6, undo=0.8),
    Traits(weights={"FORK_JOIN_DYNAMIC": 30.0}, steps=8),
)
_ACTIONS = ("pause", "pause", "terminate", "terminate", "abandon", "retry", "signal", "resume")


def draw(seed: int) -> Case:
    """The case of a seed."""
    chance = Random(f"case {seed}")
    traits = chance.choice(_TRAITS)
    if chance.random() < 0.02:
        traits = msgspec.structs.replace(traits, wide=chance.choice((101, 130, 205)), steps=2)
    every_task = (*TASKS, *UNDOS)
    drawn = chance.random()
    share = 0.0 if drawn < 0.5 else 1.0 if drawn < 0.6 else 0.4
    asks = [
        Ask(round(chance.expovariate(0.25), 3), chance.choice(_ACTIONS), chance.random())
        for _ in range(chance.choice((0, 0, 1, 1, 2, 4)))
    ]
    return Case(
        seed=seed,
        shuffle=chance.random() < 0.5,
        traits=traits,
        mood=chance.choice(_MOODS),
        tasks=definitions.task_definitions(chance, traits),
        workflows=definitions.workflows(chance, traits),
        starts=_starts(chance, traits),
        asks=sorted(asks, key=lambda ask: ask.at_s),
        crashes=_crashes(chance),
        outside=frozenset(name for name in every_task if chance.random() < share),
        places=chance.choice((1, 2, 4, 50)),
        commit_s=chance.choice((0, 0, 0, 0.002, 0.03)),
        full=_full(chance),
        late_crew_s=chance.choice((0, 0, 0, 0, 0, 0, 2.5, 7)),
        absent_people=chance.random() < 0.04,
    )


def _starts(chance: Random, traits: Traits) -> list[Start]:
    many = chance.random() < 0.03 and not traits.wide
    return [_start(chance) for _ in range(8 if many else chance.choice((1, 1, 1, 2)))]


def _full(chance: Random) -> tuple[float, float]:
    if chance.random() > 0.06:
        return (0, 0)
    begin_s = round(chance.random() * 4, 3)
    return (begin_s, begin_s + chance.choice((0.3, 2, 8)))


def _start(chance: Random) -> Start:
    at_s = chance.choice((0.0, 0.0, round(chance.random() * 3, 3)))
    return Start(at_s, {"k": chance.randint(0, 3), "n": 7}, twice=chance.random() < 0.15)


def _crashes(chance: Random) -> list[CrashAt]:
    found: list[CrashAt] = []
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        down_s = chance.choice((0.05, 0.4, 2, 6))
        if chance.random() < 0.75:
            nth = chance.choice((1, 2, 3, chance.randint(3, 12), chance.randint(8, 40)))
            found.append(CrashAt(chance.choice(POINTS), nth, down_s=down_s))
        else:
            after_s = round(chance.expovariate(0.3), 3)
            found.append(CrashAt("", after_s=after_s, down_s=down_s))
    return found
