"""What the handlers of a case do, step by step and attempt by attempt, whoever calls them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import structs

from pavane.core.decide.fan_forms import branch_step, stem_of
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.plan import all_steps
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step, Workflow
from pavane.testing.simulation.dance.definitions import Drawn
from pavane.testing.simulation.scripts import Turn

UNDO = "undo:"
NEVER_MS = 40_000  # long after every limit of these definitions
WIDEST = 3  # for-each: items at most, of what the input lists too
_DELAYS_MS = (0, 1, 5, 20, 120, 600)
_FATAL = "FAILED_WITH_TERMINAL_ERROR"


class Place(NamedTuple):
    """A step, or with `undo:` its undo, by the path of its scope: what both styles share."""

    scope: str
    ref: str


def base_of(place: Place) -> Place:
    """The step of the definition of which a place is an iteration."""
    return Place(base_path(place.scope), _base(place.ref))


def base_path(path: str) -> str:
    """The path of the scope in the definition of which this one is an iteration."""
    return "/".join(map(_base, path.split("/")))


def _base(ref: str) -> str:
    return ref.partition("__")[0]  # no name in these definitions has it


class Script(msgspec.Struct, frozen=True):
    """The turns of each step, one an attempt; the last one is repeated."""

    turns: dict[Place, list[Turn]]

    def turn(self, place: Place, attempt: int) -> Turn:
        """What the handler does at this attempt."""
        turns = self.turns.get(place) or self.turns.get(base_of(place))
        turns = turns or [Turn("COMPLETED", 0, 0)]
        return turns[min(attempt, len(turns) - 1)]


class Found(NamedTuple):
    """A SIMPLE step of a definition, with what is around it."""

    place: Place
    step: Step
    task: TaskDefinition
    forked: bool  # something may run beside it
    loops: tuple[int, ...] = ()  # so many around each scope in which it is, and around itself


def simple_steps(drawn: Drawn) -> list[Found]:
    """All of them, in the order in which they are written."""
    tasks = {task.name: task for task in drawn.tasks}
    return list(_walk(drawn.workflow, "", tasks, forked=False))


def _walk(
    workflow: Workflow,
    path: str,
    tasks: dict[str, TaskDefinition],
    *,
    forked: bool,
    outer: tuple[int, ...] = (),
) -> Iterator[Found]:
    fans = [step.ref for step in all_steps(workflow.tasks) if step.type == DYNAMIC_FORK]
    ahead = [(step, forked, 0) for step in reversed(workflow.tasks)]
    while ahead:
        step, beside, loops = ahead.pop()
        param = step.sub_workflow_param
        if step.type == "SIMPLE":
            yield Found(Place(path, step.ref), step, tasks[step.name], beside, (*outer, loops))
        elif step.type == DYNAMIC_FORK:
            for item, alone in _items(step, first=fans[:1] == [step.ref]):
                at, task = Place(path, item.ref), tasks[item.name]
                yield Found(at, item, task, beside or not alone, (*outer, loops))
        elif param is not None and param.workflow_definition is not None:
            inner = f"{path}/{step.ref}" if path else step.ref
            around = (*outer, loops)
            found = _walk(param.workflow_definition, inner, tasks, forked=beside, outer=around)
            yield from found
        for steps in (*step.decision_cases.values(), step.default_case):
            ahead += [(each, beside, loops) for each in reversed(steps)]
        for branch in step.fork_tasks:
            ahead += [(each, True, loops) for each in reversed(branch)]
        ahead += [(each, beside, loops + 1) for each in reversed(step.loop_over)]


def _items(fork: Step, *, first: bool) -> Iterator[tuple[Step, bool]]:
    """The steps that a for-each may have, and whether it is one alone."""
    listed: Any = fork.input_parameters["forkTaskInputs"]
    width = len(cast("list[Any]", listed)) if isinstance(listed, list) else WIDEST
    branch = branch_step(fork)
    assert branch is not None
    stem = stem_of(fork, branch.name, first=first)
    for index in range(width):
        yield structs.replace(branch, task_reference_name=f"{stem}{index}"), width == 1


# --- drawing ------------------------------------------------------------------------------------


def calm_script(chance: Random, drawn: Drawn) -> Script:
    """Without races: nothing fails beside parallel work, no timer is near a reply."""
    turns: dict[Place, list[Turn]] = {}
    passed_over = False  # one optional failure among parallel branches, or reasons would race
    for found in simple_steps(drawn):
        often = 0.4 if any(found.loops) else 0.22
        fails = not found.forked and not found.task.retriable and chance.random() < often
        if found.forked and found.step.optional and not passed_over:
            fails = passed_over = chance.random() < 0.6
        turns[found.place] = _fails(chance, found) if fails else _works(chance, found)
        if any(found.loops) and fails and chance.random() < 0.85:  # not in the first iteration
            turns[found.place] = _works(chance, found)
            turns[_later(chance, found)] = _fails(chance, found)
        turns[_undo(found.place)] = _undoes(chance)
    return Script(turns)


def _later(chance: Random, found: Found) -> Place:
    """One iteration of it."""
    names = [*filter(None, found.place.scope.split("/")), found.place.ref]
    numbered = [
        "__".join((name, *(str(chance.choice((1, 2, 2))) for _ in range(loops))))
        for name, loops in zip(names, found.loops, strict=True)
    ]
    return Place("/".join(numbered[:-1]), numbered[-1])


def _undo(place: Place) -> Place:
    return Place(place.scope, UNDO + place.ref)


def _fails(chance: Random, found: Found) -> list[Turn]:
    task = found.task
    limited = task.timeout_seconds or task.response_timeout_seconds < 3600
    if limited and chance.random() < 0.7:
        return [Turn("HANG", NEVER_MS, stops=chance.random() < 0.5)]
    end = chance.choice(("FAILED", "FAILED", _FATAL))
    return [Turn(end, chance.choice(_DELAYS_MS), reason=f"no {found.step.ref}")]


def _works(chance: Random, found: Found) -> list[Turn]:
    tries = 3 if found.task.retriable else found.task.retry_count
    before = chance.randint(0, tries) if chance.random() < 0.25 else 0
    turns = [Turn("FAILED", chance.choice(_DELAYS_MS)) for _ in range(before)]
    report_ms = chance.choice(_DELAYS_MS)
    return [*turns, Turn("COMPLETED", report_ms, _effect(found, report_ms // 2))]


def _effect(found: Found, at_ms: int) -> int:
    """When it takes effect; what only reads never does."""
    return -1 if found.task.read_only else at_ms


def _undoes(chance: Random) -> list[Turn]:
    report_ms = chance.choice(_DELAYS_MS)
    done = Turn("COMPLETED", report_ms, report_ms // 2)
    drawn = chance.random()
    if drawn < 0.15:
        return [Turn("FAILED", chance.choice(_DELAYS_MS)), done]
    if drawn < 0.18:
        return [Turn(_FATAL, chance.choice(_DELAYS_MS), reason="no way back")]
    return [done]


def racy_script(chance: Random, drawn: Drawn) -> Script:
    """Whatever may go wrong does, at times that lie close together."""
    turns: dict[Place, list[Turn]] = {}
    for found in simple_steps(drawn):
        turns[found.place] = _any(chance, found)
        turns[_undo(found.place)] = [Turn("COMPLETED", chance.choice(_DELAYS_MS), 0)]
    return Script(turns)


def _any(chance: Random, found: Found) -> list[Turn]:
    task, drawn = found.task, chance.random()
    report_ms = chance.choice((*_DELAYS_MS, 1500, 2900, 3000, 3100, 5000))
    limited = task.timeout_seconds or task.response_timeout_seconds < 3600
    if limited and drawn < 0.4:  # its time may be up while it succeeds
        return [Turn("COMPLETED", report_ms, _effect(found, report_ms // 2), stops=drawn < 0.2)]
    if not task.retriable and drawn < 0.6:
        end = chance.choice(("FAILED", _FATAL))
        return [Turn(end, report_ms, stops=drawn < 0.5)]
    return [Turn("COMPLETED", report_ms, _effect(found, report_ms // 2), stops=drawn < 0.8)]
