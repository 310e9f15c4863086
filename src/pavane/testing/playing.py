"""Plays a workflow of yours in virtual time: in either style, with scripted results and faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from random import Random
from typing import Any, Final, Literal, cast

import msgspec

from pavane.core.decide.event_waits import steps_of
from pavane.core.decide.fan_forms import branch_step, stem_of
from pavane.core.decide.told import EVENT
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.work import Assignment
from pavane.core.model.workflow import Step, Workflow
from pavane.core.projection.reading.hybrid import in_one_style
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.errors import UsageError
from pavane.language.durations import parse_duration
from pavane.observer.observer import Observer
from pavane.ports.bus import JOURNAL
from pavane.sdk.client import Client
from pavane.sdk.starting import DeclaredWorkflow, definitions_for, door_of, reachable, start_of
from pavane.testing.answers import HANG, Answers, after, in_turn
from pavane.testing.audience import Audience
from pavane.testing.simulation import loop
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.dance.case import POINTS, DanceCase, Stop
from pavane.testing.simulation.dance.definitions import Drawn
from pavane.testing.simulation.dance.network import Weather
from pavane.testing.simulation.dance.orchestra import Learn, orchestrate
from pavane.testing.simulation.dance.played import Played, Run
from pavane.testing.simulation.dance.script import Script
from pavane.testing.simulation.dance.world import Danced, DanceWorld
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.scripts import Mood, Scripts, Turn
from pavane.testing.simulation.workers import Hands, Source

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
CALLS_MAX: Final = 1_000  # of tasks, in one run: then it is left as it is


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
    limit: str | float = "366d",
) -> Play:
    """Run a workflow to its end, or for `limit` of virtual time, in next to no time.

    A workflow may also be a definition, written or read as JSON.

    `results` says by task (or by name of a step) what is answered: a value, an exception (`Fail`
    for good), `after(seconds, answer)`, `in_turn(answer, answer)` or `HANG`. A task that returns
    None needs no entry; a step that waits for a person, an event or a signal gets none without one.
    The same arguments and seed give the same run. UsageError where an answer fits nothing.
    """
    faults = faults or Faults()
    written = isinstance(workflow, Workflow)
    start = start_of(workflow.name if written else workflow, (), dict(input or {}), None)
    definitions, tasks = definitions_for([workflow])
    functions = [] if written else reachable([workflow])
    answers = Answers(results or {}, [task for each in functions for task in each.calls])
    steps = list(_steps(definitions))
    called = [task for step in steps if (task := _task_of(step)) is not None]
    tasks += _named_only(called, {task.name for task in tasks})
    answers.check([(task.ref, task.name) for task in called])
    waiting = [step for step in steps if step.type in ("HUMAN", "WAIT")]
    stems = {
        stem_of(step, task.name, first=first)
        for step, task in zip(steps, map(branch_step, steps), strict=True)
        if task is not None
        for first in (True, False)
    }
    answers.check_names(_names([*steps, *called]), _names(waiting), stems)
    limit_s = parse_duration(limit)
    drawn = Drawn(definitions[0], tasks, definitions[1:])
    run = Run(_KEY, drawn, msgspec.json.decode(start.input), Script({}))
    if style == "choreographed":
        danced = _dance(run, answers, faults, seed, limit_s)
        return _told(workflow, danced.runs[_KEY], list(_messages(danced)))
    return _told(workflow, _conduct(run, answers, faults, seed, limit_s), [])


def _conduct(run: Run, answers: Answers, faults: Faults, seed: int, limit_s: float) -> Played:
    made: list[_AnsweringHands] = []

    def hands(outside: Outside, place: Callable[[Assignment], str], learn: Learn) -> Hands:
        made.append(_AnsweringHands(outside, answers, place, learn))
        return made[0]

    async def attend(engine: Engine) -> None:
        async def signal(view: ExecutionView, step: StepView, turn: Turn) -> None:
            await engine.signal(view.id, step.ref, turn.output, turn.end, turn.reason)

        audience = Audience(answers, Reader(engine.store).execution, signal)
        await audience.attend(engine.subscribe(), made[0].enough)

    definitions = [in_one_style(each) for each in (run.drawn.workflow, *run.drawn.others)]
    publishes = TaskDefinition(name=EVENT, service="publisher")
    drawn = Drawn(definitions[0], [*run.drawn.tasks, publishes], definitions[1:])
    played = orchestrate(
        msgspec.structs.replace(run, drawn=drawn),
        seed,
        make_hands=hands,
        stop_after_s=faults.cancel_after_s,
        attend=attend,
        limit_s=limit_s,
    )
    return loop.run(played, seed=seed)


class _AnsweringHands(Hands):
    """Handlers that answer as scripted."""

    def __init__(
        self,
        outside: Outside,
        answers: Answers,
        place: Callable[[Assignment], str],
        learn: Learn | None = None,
    ) -> None:
        super().__init__(outside, Scripts(0, Mood()))
        self._answers = answers
        self._place = place
        self._learn = learn
        self._calls = 0
        self.enough = asyncio.Event()  # it has been tried so often that it will never end

    async def work(self, given: Assignment, source: Source, stop: asyncio.Event) -> None:
        """A scope in a loop has a path for each iteration, which has to be looked up."""
        if self._learn is not None:
            await self._learn(given.execution_id)
        await super().work(given, source, stop)

    def known(self, given: Assignment) -> Assignment:
        """By the path of its scope."""
        return msgspec.structs.replace(given, execution_id=self._place(given))

    def turn(self, known: Assignment, number: int) -> Turn:
        """By the attempt: a call that a crash has cut off is made again as it was."""
        del number
        self._calls += 1
        if self._calls >= CALLS_MAX:
            self.enough.set()
        return self._answers.turn(known)


class _Stage(DanceWorld):
    """A dance whose handlers answer as scripted."""

    looks_s = 600.0

    def __init__(self, case: DanceCase, answers: Answers, limit_s: float) -> None:
        super().__init__(case)
        self._answers = answers
        self._limit_s = limit_s

    async def attend(self, observer: Observer) -> None:
        """People answer, events come, and somebody says that it is enough, as it is scripted."""
        client = Client.among(self.requests(), observer, Random(0))

        async def look(id: str) -> ExecutionView | None:
            return observer.execution(id) if observer.views.knows(id) else None

        async def signal(view: ExecutionView, step: StepView, turn: Turn) -> None:
            status = "FAILED" if turn.end == "FAILED" else "COMPLETED"
            output = msgspec.Raw(turn.output)
            await client.execution(view.id).signal(step.ref, output, status, reason=turn.reason)

        audience = Audience(self._answers, look, signal)
        await audience.attend(observer.subscribe(), self._answering.enough)

    def goes_on(self) -> bool:
        """Until its time is over, or it has been tried too often."""
        now = asyncio.get_running_loop().time()
        return now < self._limit_s and not self._answering.enough.is_set()

    def hands(self, outside: Outside, place: Callable[[Assignment], str]) -> Hands:
        self._answering = _AnsweringHands(outside, self._answers, place)
        return self._answering


def _dance(run: Run, answers: Answers, faults: Faults, seed: int, limit_s: float) -> Danced:
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
        return loop.run(_Stage(case, answers, limit_s).run(), seed=seed)
    finally:
        quiet.setLevel(level)


def _steps(definitions: list[Workflow]) -> Iterator[Step]:
    """Every step, those of scopes in place as well."""
    for workflow in definitions:
        yield from steps_of(workflow)


def _task_of(step: Step) -> Step | None:
    """The step as a task that is called, or called for each item."""
    return step if step.type == "SIMPLE" else branch_step(step)


def _named_only(called: Iterable[Step], known: Collection[str]) -> list[TaskDefinition]:
    """The tasks of a definition, and of its undos, of which nothing is known but who does them."""
    owners: dict[str, str] = {}
    for step in called:
        own = step.service or (step.task_definition.service if step.task_definition else "")
        owners.setdefault(step.name, own)
        if (undo := step.undo) is not None:
            its = undo.task_definition.service if undo.task_definition else ""
            owners.setdefault(undo.name, undo.service or its or own)
    return [
        TaskDefinition(name=name, service=owner)
        for name, owner in sorted(owners.items())
        if name not in known
    ]


def _names(steps: Iterable[Step]) -> set[str]:
    return {name for step in steps for name in (step.ref, step.name)}


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
