"""Plays a workflow of yours in virtual time: in either style, with scripted results and faults."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

import msgspec

from pavane.core.model.work import Assignment
from pavane.core.model.workflow import Workflow
from pavane.engine.views.shapes import StepView
from pavane.errors import UsageError
from pavane.ports.bus import JOURNAL
from pavane.sdk.starting import DeclaredWorkflow, definitions_for, door_of, reachable, start_of
from pavane.testing.answers import HANG, Answers, after, in_turn
from pavane.testing.simulation import loop
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.dance.case import POINTS, DanceCase, Stop
from pavane.testing.simulation.dance.definitions import Drawn
from pavane.testing.simulation.dance.network import Weather
from pavane.testing.simulation.dance.orchestra import orchestrate
from pavane.testing.simulation.dance.played import Played, Run
from pavane.testing.simulation.dance.script import Script
from pavane.testing.simulation.dance.world import Danced, DanceWorld
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.scripts import Mood, Scripts, Turn
from pavane.testing.simulation.workers import Hands

__all__ = ["HANG", "Faults", "Play", "after", "in_turn", "play"]

_KEY = "play"


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong around a run. Shares are from 0 to 1, for each message.

    `crash` names by service the point at which its process dies, once: `part-committed` is behind a
    commit and before anything is sent (`CRASH_POINTS` has them all). What concerns messages and
    services means nothing to an orchestrated run, which has neither; `cancel_after_s` is for both.
    """

    crash: Mapping[str, str] = {}
    down_s: float = 0.5  # a service is away for so long
    duplicate: float = 0.0
    reorder: float = 0.0  # messages that are late, by up to `late_s`
    late_s: float = 1.0
    drop: float = 0.0  # sent again after a while
    skew_s: Mapping[str, float] = {}  # clocks, by service
    cancel_after_s: float | None = None


CRASH_POINTS = POINTS


class Play(msgspec.Struct, frozen=True):
    """What became of a run."""

    status: str
    output: Any  # what the workflow returns, None unless it COMPLETED
    cause: str
    reason: str
    steps: list[StepView]  # of the workflow itself; a scope is one step
    effects: list[str]  # steps whose task has done its work and was not undone
    messages: list[str]  # between services: `payment -> shipping: token`


def play(
    workflow: object,
    input: Mapping[str, Any] | None = None,
    *,
    style: Literal["orchestrated", "choreographed"] = "orchestrated",
    results: Mapping[Any, Any] | None = None,
    faults: Faults | None = None,
    seed: int = 0,
) -> Play:
    """Run a workflow to its end, or until nothing goes on, in no time at all.

    `results` says by task (or by name of a step) what is answered: a value, an exception (`Fail`
    for good), `after(seconds, answer)`, `in_turn(answer, answer)` or `HANG`. A task that returns
    None needs no entry. The same arguments and seed give the same run.
    """
    faults = faults or Faults()
    start = start_of(workflow, (), dict(input or {}), None)
    definitions, tasks = definitions_for([workflow])
    functions = reachable([workflow])
    answers = Answers(results or {}, [task for each in functions for task in each.calls])
    answers.check(list(_steps(definitions)))
    drawn = Drawn(definitions[0], tasks, definitions[1:])
    run = Run(_KEY, drawn, msgspec.json.decode(start.input), Script({}))
    if style == "choreographed":
        danced = _dance(run, answers, faults, seed)
        return _told(workflow, danced.runs[_KEY], list(_messages(danced)))

    def hands(outside: Outside, place: Callable[[Assignment], str]) -> Hands:
        return _AnsweringHands(outside, answers, place)

    stop_s = faults.cancel_after_s
    played = orchestrate(run, seed, make_hands=hands, stop_after_s=stop_s)
    return _told(workflow, loop.run(played, seed=seed), [])


class _AnsweringHands(Hands):
    """Handlers that answer as scripted."""

    def __init__(
        self, outside: Outside, answers: Answers, place: Callable[[Assignment], str]
    ) -> None:
        super().__init__(outside, Scripts(0, Mood()))
        self._answers = answers
        self._place = place

    def known(self, given: Assignment) -> Assignment:
        """By the path of its scope."""
        return msgspec.structs.replace(given, execution_id=self._place(given))

    def turn(self, known: Assignment, number: int) -> Turn:
        """By the attempt: a call that a crash has cut off is made again as it was."""
        del number
        return self._answers.turn(known)


class _Stage(DanceWorld):
    """A dance whose handlers answer as scripted."""

    def __init__(self, case: DanceCase, answers: Answers) -> None:
        super().__init__(case)
        self._answers = answers

    def hands(self, outside: Outside, place: Callable[[Assignment], str]) -> Hands:
        return _AnsweringHands(outside, self._answers, place)


def _dance(run: Run, answers: Answers, faults: Faults, seed: int) -> Danced:
    unknown = sorted(set(faults.crash.values()) - {*POINTS})
    if unknown:
        raise UsageError(f"There is no point {unknown[0]!r}.", f"Name one of {', '.join(POINTS)}.")
    crashes = {name: [CrashAt(at, down_s=faults.down_s)] for name, at in faults.crash.items()}
    stop_s = faults.cancel_after_s
    case = DanceCase(
        seed,
        [run],
        weather=Weather(
            delay_ms=round(faults.late_s * 1000),
            late=faults.reorder,
            duplicate=faults.duplicate,
            drop=faults.drop,
        ),
        crashes=crashes,
        skew_ms={name: round(by_s * 1000) for name, by_s in faults.skew_s.items()},
        stops=[] if stop_s is None else [Stop(_KEY, stop_s)],
    )
    quiet = logging.getLogger("pavane")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL + 1)  # what a crash interrupts is no news
    try:
        return loop.run(_Stage(case, answers).run(), seed=seed)
    finally:
        quiet.setLevel(level)


def _steps(definitions: list[Workflow]) -> Iterator[tuple[str, str]]:
    """(reference, task) of every SIMPLE step."""
    for workflow in definitions:
        ahead = list(workflow.tasks)
        for step in ahead:  # the list grows while it is read
            if step.type == "SIMPLE":
                yield step.ref, step.name
            for inner in step.inner:
                ahead += inner
            param = step.sub_workflow_param
            if param is not None and param.workflow_definition is not None:
                ahead += param.workflow_definition.tasks


def _messages(danced: Danced) -> Iterator[str]:
    """What services said to each other, by sender and then in order."""
    for role, log in danced.logs.items():
        for record in log:
            given = record.out.event.attributes
            if record.out.topic != JOURNAL and "procto" in given:
                yield f"{role} -> {given['procto']}: {given['prockind']}"


def _told(workflow: object, played: Played, messages: list[str]) -> Play:
    view = played.view
    if view is None:
        return Play("(unknown)", None, "", "", [], [], messages)
    output: Any = None
    if view.status == "COMPLETED":
        output = msgspec.json.decode(view.output)
        if not isinstance(workflow, Workflow):
            output = door_of(cast(DeclaredWorkflow, workflow)).value(bytes(view.output))
    order = {(s.execution_id.rpartition(":")[2], s.ref): i for i, s in enumerate(played.record)}
    standing = sorted(played.standing, key=lambda place: order.get((place.scope, place.ref), 0))
    effects = [f"{place.scope}/{place.ref}" if place.scope else place.ref for place in standing]
    return Play(view.status, output, view.cause, view.reason, list(view.steps), effects, messages)
