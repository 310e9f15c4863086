"""What the cases came upon: a table, with minimums for whatever the claim names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.participant import points
from pavane.testing.simulation.dance.case import DanceCase
from pavane.testing.simulation.dance.definitions import Drawn
from pavane.testing.simulation.dance.network import Delivered
from pavane.testing.simulation.dance.played import Played
from pavane.testing.simulation.dance.world import Danced
from tests.simulation.checker.graph import Graph

_TYPES = (
    "DECISION",
    "DO_WHILE",
    "EXCLUSIVE_JOIN",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "INLINE",
    "JOIN",
    "NOOP",
    "SET_VARIABLE",
    "SIMPLE",
    "SUB_WORKFLOW",
    "SWITCH",
    "TERMINATE",
    "WAIT",
)
_ENDS = ("COMPLETED", "COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED")

_STEP_ENDS = {
    "SIMPLE": "COMPLETED COMPLETED_WITH_ERRORS FAILED FAILED_WITH_TERMINAL_ERROR TIMED_OUT UNDONE "
    "CANCELED",
    "WAIT": "COMPLETED COMPLETED_WITH_ERRORS TIMED_OUT CANCELED",
    "SUB_WORKFLOW": "COMPLETED COMPLETED_WITH_ERRORS FAILED TIMED_OUT CANCELED UNDONE",
    "JOIN": "COMPLETED COMPLETED_WITH_ERRORS CANCELED",
    "INLINE": "COMPLETED FAILED_WITH_TERMINAL_ERROR",
    "SWITCH": "COMPLETED",
    "DECISION": "COMPLETED",
    "EXCLUSIVE_JOIN": "COMPLETED FAILED_WITH_TERMINAL_ERROR",
    "FORK_JOIN": "COMPLETED",
    "FORK_JOIN_DYNAMIC": "COMPLETED FAILED_WITH_TERMINAL_ERROR",
    "SET_VARIABLE": "COMPLETED",
    "NOOP": "COMPLETED",
    "TERMINATE": "COMPLETED",
    "DO_WHILE": "COMPLETED FAILED_WITH_TERMINAL_ERROR CANCELED",
}

# Of 2,000 cases.
MINIMUMS = {
    "a calm case": 1000,
    "a racy case": 600,
    "a racy case with several outcomes": 300,
    "a fork": 200,
    "a nested scope": 200,
    "an abort in flight": 200,
    "two abort causes at once": 200,
    "a deadline race": 200,
    "a crash between commit and send": 200,
    "a redelivery after a tombstone": 200,
    "a duplicate": 200,
    "a message out of order": 200,
    "a dropped message": 100,
    "a lost acknowledgement": 100,
    "a skewed clock": 200,
    "a message parked for its version": 50,
    "an attempt lost by a crash": 50,
    "an operator's cancel": 100,
    "a message with data alone": 50,
    "a pivot passed": 100,
    "a loop without iterations": 20,
    "a loop of several iterations": 100,
    "a loop in a loop": 20,
    "a loop undone from a later iteration back": 8,
    "a variable from an iteration to the next": 20,
    "a for-each": 200,
    "a for-each without items": 20,
    "a for-each of several": 50,
    "a for-each in a loop": 20,
    "a for-each in a scope": 20,
    "a for-each aborted in flight": 10,
    "a for-each undone": 20,
    "an item that failed beside others": 10,
    "an item that was tried again": 20,
    "a race": 40,
    "a race that nobody won": 8,
    "a race of which two may win": 2,
    "a loser undone": 5,
    "a loser called off in its wait": 2,
    "a loser that was a scope": 1,
    "a race taken back": 4,
    "an execution that everybody forgot": 400,
    **{f"an execution that everybody forgot: {end}": 10 for end in _ENDS},
    **{f"a crash at {point}": 40 for point in (*points.ALL, "writing", "written", "anywhere")},
    **{f"a {type} in a run that was {end}": 2 for type in _TYPES for end in _ENDS},
    **{f"a {type} that was {end}": 3 for type, ends in _STEP_ENDS.items() for end in ends.split()},
}
del MINIMUMS["a TERMINATE in a run that was TIMED_OUT"]  # its run has ended with it


def features(case: DanceCase, danced: Danced) -> set[str]:
    """Everything of the table that a case had."""
    found = set(_of_network(danced)) | set(_of_course(case, danced))
    for run in case.runs:
        found |= set(_of_definition(run.drawn, danced.runs[run.key]))
    return found


def _of_network(danced: Danced) -> Iterator[str]:
    names = {
        "duplicated": "a duplicate",
        "out of order": "a message out of order",
        "dropped and sent again": "a dropped message",
        "acknowledgement lost": "a lost acknowledgement",
    }
    yield from (name for key, name in names.items() if danced.counts.get(key))
    if danced.parked:
        yield "a message parked for its version"
    if any(each.kind == "data" for each in danced.delivered):
        yield "a message with data alone"
    if _after_tombstone(danced.delivered):
        yield "a redelivery after a tombstone"


def _after_tombstone(delivered: list[Delivered]) -> bool:
    """Whether a role that was frozen in a scope got a message of that scope again, or only then."""
    frozen: set[tuple[str, str, str]] = set()
    for each in delivered:
        place = (each.group, each.execution, each.scope)
        if each.kind in ("token", "data") and place in frozen:
            return True
        if each.kind == "freeze":
            if place in frozen:
                return True
            frozen.add(place)
    return False


def _of_course(case: DanceCase, danced: Danced) -> Iterator[str]:
    if case.skew_ms:
        yield "a skewed clock"
    if case.stops:
        yield "an operator's cancel"
    if case.keep_s:
        yield from _of_forgetting(case, danced)
    for _, note in danced.notes:
        if note.startswith("crash"):
            point = note.split()[1]
            yield f"a crash at {point}"
            if point in (points.COMMITTED, points.ACKNOWLEDGED, "written"):
                yield "a crash between commit and send"
    if any(played.lost for played in danced.runs.values()):
        yield "an attempt lost by a crash"
    yield from _of_aborts(case, danced)


def _of_forgetting(case: DanceCase, danced: Danced) -> Iterator[str]:
    """Which ends were forgotten by everybody, at more than one service."""
    for run in case.runs:
        status = danced.runs[run.key].status
        several = len({task.service for task in run.drawn.tasks}) > 1
        if status in _ENDS and several and not danced.remember[run.key]:
            yield "an execution that everybody forgot"
            yield f"an execution that everybody forgot: {status}"


_FAILED = ("FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT")
_BACK = ("COMPENSATED", "FAILED", "TIMED_OUT", "TERMINATED")


def _of_aborts(case: DanceCase, danced: Danced) -> Iterator[str]:
    """What was at work when a scope began to go back, and how many causes it had."""
    stopped = {stop.key for stop in case.stops}
    for key, played in danced.runs.items():
        for path, view in played.views.items():
            causes = sum(step.status in _FAILED and not step.undoes for step in view.steps)
            causes += view.reason == "the workflow's time is up"
            causes += not path and key in stopped and view.status in _BACK
            if causes > 1:
                yield "two abort causes at once"
    if _in_flight(danced):
        yield "an abort in flight"


def _in_flight(danced: Danced) -> bool:
    """Whether a handler was at work, or its report on the way, when its role was frozen."""
    for played in danced.runs.values():
        for view in played.views.values():
            for step in view.steps:
                if (
                    view.status in _BACK
                    and step.type in ("SIMPLE", "WAIT")
                    and step.status == "CANCELED"
                ):
                    return True
        if any(seen.kind == "absent" for seen in played.record):
            return True
    return False


def _of_definition(drawn: Drawn, played: Played) -> Iterator[str]:
    graph = Graph(msgspec.to_builtins(drawn.workflow))
    races = {
        ref: place.step["joinOn"]
        for ref, place in graph.places.items()
        if "joinCount" in place.step
    }
    for path, view in played.views.items():
        for step in view.steps:
            if step.undoes:
                continue
            yield f"a {step.type} in a run that was {view.status}"
            yield f"a {step.type} that was {step.status}"
            if step.type == "FORK_JOIN":
                yield "a fork"
            if step.ref in races:
                yield from _of_race(view, step, races[step.ref])
            if step.type == "DO_WHILE":
                yield from _of_loop(view, step)
            if step.type == "FORK_JOIN_DYNAMIC" and step.status == "COMPLETED":
                yield from _of_each(path, view, step)
        if path:
            yield "a nested scope"
    for step in played.view.steps if played.view else ():
        place = graph.places.get(step.ref)
        if place is not None and place.step.get("pivot") and step.status == "COMPLETED":
            yield "a pivot passed"


def _of_loop(view: ExecutionView, loop: StepView) -> Iterator[str]:
    """What its iterations were."""
    count = msgspec.json.decode(loop.output)["iteration"]
    if not count and loop.status == "COMPLETED":
        yield "a loop without iterations"
    if count > 1:
        yield "a loop of several iterations"
    if "__" in loop.ref:
        yield "a loop in a loop"
    undone = {step.ref for step in view.steps if step.status == "UNDONE"}
    numbers = {ref.rpartition("__")[2] for ref in undone if "__" in ref}
    if len(numbers) > 1:
        yield "a loop undone from a later iteration back"
    if any(step.type == "SET_VARIABLE" and step.ref.endswith("__2") for step in view.steps):
        yield "a variable from an iteration to the next"


def _of_race(view: ExecutionView, join: StepView, branches: list[str]) -> Iterator[str]:
    """How it went; one in a loop is not looked at."""
    yield "a race"
    output = msgspec.json.decode(join.output or b"{}", type=dict[str, Any] | None) or {}
    winners = output.get("winners", [])
    if join.status == "FAILED":
        yield "a race that nobody won"
    if len(winners) > 1:
        yield "a race of which two may win"
    for step in view.steps:
        if winners and step.ref in branches and step.ref not in winners:
            if step.status == "UNDONE":
                yield "a loser undone"
            if step.type == "WAIT" and step.status == "CANCELED":
                yield "a loser called off in its wait"
            if step.type == "SUB_WORKFLOW":
                yield "a loser that was a scope"
        if step.ref in winners and step.status == "UNDONE":
            yield "a race taken back"


def _of_each(path: str, view: ExecutionView, each: StepView) -> Iterator[str]:
    """What its items were."""
    yield "a for-each"
    names = set(msgspec.json.decode(each.input)["forkedTasks"])
    items = [step for step in view.steps if step.ref in names]
    if not names:
        yield "a for-each without items"
    if len(names) > 1:
        yield "a for-each of several"
    if "__" in each.ref:
        yield "a for-each in a loop"
    if path:
        yield "a for-each in a scope"
    if view.status in _BACK and any(step.status == "CANCELED" for step in items):
        yield "a for-each aborted in flight"
    if any(step.status == "UNDONE" for step in items):
        yield "a for-each undone"
    if len(names) > 1 and any(step.status in _FAILED for step in items):
        yield "an item that failed beside others"
    if any(step.attempts > 1 and step.status == "COMPLETED" for step in items):
        yield "an item that was tried again"


def has_limits(drawn: Drawn) -> bool:
    """Whether a deadline or a time limit of a step may strike."""
    limited = any(t.timeout_seconds or t.response_timeout_seconds < 30 for t in drawn.tasks)
    return limited or b'"timeoutSeconds"' in msgspec.json.encode(drawn.workflow)


def table(counts: Counter[str], cases: int) -> str:
    """The counts beside their minimums, for people."""
    names = sorted({*MINIMUMS, *counts})
    wide = max(map(len, names))
    lines = [
        f"{name:{wide}} {counts[name]:6} of at least {_least(name, cases):4}" for name in names
    ]
    return "\n".join([f"coverage of {cases} cases", *lines])


def missing(counts: Counter[str], cases: int) -> list[str]:
    """What the cases should have had more often."""
    return [
        f"{name}: {counts[name]} of {_least(name, cases)}"
        for name in MINIMUMS
        if counts[name] < _least(name, cases)
    ]


def _least(name: str, cases: int) -> int:
    return MINIMUMS.get(name, 0) * min(cases, 2000) // 2000
