"""What a case had in it: random cases count only with a table of what they came upon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pavane.testing.simulation.case import Case
from tests.simulation.checker.graph import Graph
from tests.simulation.checker.replay import ENDED
from tests.simulation.checker.rows import limit_of

# At least so many of 1,000 cases must have had it; about half of what the seeds from 0 give.
MINIMUMS = {
    "a SUB_WORKFLOW that timed out": 45,
    "a WAIT that timed out": 11,
    "a crash between iterations": 12,
    "a crash on the way back": 35,
    "a failure workflow": 25,
    "a fan": 100,
    "a fan in a loop": 6,
    "a fan of nothing": 30,
    "a fork": 235,
    "a join on some branches": 50,
    "a loop": 105,
    "a loop in a loop": 11,
    "a loop of nothing": 16,
    "a loop that was cut off": 50,
    "a nested fork": 110,
    "a permissive step that failed": 45,
    "a pivot passed": 50,
    "a retry": 190,
    "a start that failed for want of room": 2,
    "a step INLINE": 90,
    "a step SET_VARIABLE": 90,
    "a step SWITCH": 235,
    "a step TERMINATE": 40,
    "a step WAIT": 145,
    "a store that is full for a while": 20,
    "a sub-workflow": 210,
    "a sub-workflow undone": 35,
    "a timeout that is only noted": 35,
    "a worker interrupted": 130,
    "an abort with steps in flight": 105,
    "an answer that a crash lost": 185,
    "an effect asked for again": 65,
    "an effect that came after its undo": 10,
    "an expression that failed": 13,
    "an optional step that failed": 45,
    "an undo": 225,
    "an undo in a fan": 32,
    "an undo in a fork": 110,
    "an undo in a later iteration": 11,
    "an undo of what never happened": 95,
    "an undo retried": 85,
    "an undo that could not begin": 15,
    "an undo that failed": 125,
    "an undo that gave up": 85,
    "callbacks in random order": 240,
    "commits that take time": 200,
    "crash at acted": 30,
    "crash at anywhere": 115,
    "crash at batch-taken": 30,
    "crash at committed": 30,
    "crash at decided": 30,
    "crash at rows-loaded": 40,
    "crash at told": 35,
    "crash at writing": 40,
    "crash at written": 30,
    "duplicate report": 135,
    "ended COMPENSATED": 215,
    "ended COMPLETED": 205,
    "ended FAILED": 135,
    "ended TERMINATED": 115,
    "ended TIMED_OUT": 70,
    "fan-out in pages": 6,
    "late or doubled report refused": 225,
    "leave by a person": 45,
    "many executions at once": 15,
    "needs attention behind a pivot": 30,
    "needs attention, settled by abandon": 45,
    "needs attention, settled by done": 55,
    "needs attention, settled by retry": 75,
    "pause by a person": 50,
    "poll timeout": 30,
    "redelivery after a crash": 65,
    "redelivery after its effect": 15,
    "response timeout": 100,
    "resume by a person": 25,
    "retry by a person": 13,
    "signal by a person": 20,
    "started twice with one key": 95,
    "task timeout": 70,
    "terminate by a person": 65,
    "total timeout": 30,
    "undo across scopes": 35,
    "workers in another process": 255,
    "workers that come late": 115,
    "workflow timeout": 25,
}
UNDO = "undo:"


def features(case: Case, trace: Any) -> set[str]:
    """Everything of the table that one case had."""
    found = set(_of_case(case, trace)) | set(_of_record(trace))
    crashes = [at for at, note in trace.notes if note.startswith("crash")]
    graphs = {hash: Graph(body) for hash, body in trace.definitions.items()}
    for execution in trace.executions.values():
        graph = graphs[execution.header["definition"]].grow(execution)
        found |= set(_of_execution(execution, graph, crashes))
    return found


def _of_case(case: Case, trace: Any) -> Iterator[str]:
    had = {
        "callbacks in random order": case.shuffle,
        "workers in another process": case.outside,
        "commits that take time": case.commit_s,
        "many executions at once": len(case.starts) > 2,
        "a store that is full for a while": case.full != (0, 0),
        "workers that come late": case.late_crew_s,
    }
    yield from (name for name, true in had.items() if true)
    for _, note in trace.notes:
        if note.startswith("crash"):
            yield note.replace("crash ", "crash at ")
        elif note.startswith("no start"):
            yield "a start that failed for want of room"
    for act in trace.actions:
        yield from _of_action(act, act.get("answer"))


_BY_PEOPLE = frozenset({"pause", "resume", "retry", "terminate", "leave", "signal"})


def _of_action(act: Any, answer: str | None) -> Iterator[str]:
    if answer == "lost":
        yield "an answer that a crash lost"
    elif answer == "ok" and act["action"] in _BY_PEOPLE:
        yield f"{act['action']} by a person"
    elif answer == "ok" and act["action"] == "resolve":
        yield f"needs attention, settled by {act['how']}"
    elif act["action"] == "wait" and len(act["ids"]) > 1:
        yield "started twice with one key"


_SEEN = {
    "repeated": "an effect asked for again",
    "refused": "an effect that came after its undo",
    "nothing": "an undo of what never happened",
    "absent": "a worker interrupted",
}


def _of_record(trace: Any) -> Iterator[str]:
    calls: Counter[tuple[str, str, int]] = Counter()
    reports: dict[tuple[str, str, int], str] = {}
    effects: set[tuple[str, str]] = set()
    for seen in trace.record:
        key = (seen.execution_id, seen.ref, seen.attempt)
        if seen.kind in _SEEN:
            yield _SEEN[seen.kind]
        elif seen.kind == "call":
            calls[key] += 1
            if calls[key] > 1 and key not in reports:
                after = key[:2] in effects
                yield "redelivery after its effect" if after else "redelivery after a crash"
        elif seen.kind == "effect":
            effects.add(key[:2])
        elif seen.kind == "report":
            if reports.get(key) == seen.what and seen.what != "IN_PROGRESS":
                yield "duplicate report"
            reports[key] = seen.what
        elif seen.kind == "answer" and seen.what == "refused":
            yield "late or doubled report refused"


def _of_execution(execution: Any, graph: Graph, crashes: list[int]) -> Iterator[str]:
    header, rows = execution.header, execution.tasks
    yield f"ended {header['status']}" if header["ended_at"] else f"left {header['status']}"
    if header["parent_id"]:
        yield "a sub-workflow"
        if header["cause"] == "UNDO":
            yield "undo across scopes"
    elif header["workflow"] != "main":
        yield "a failure workflow"
    begun = {row["ref"] for row in rows}
    for ref in begun & graph.places.keys():
        yield from _of_place(graph, ref)
    for row in rows:
        yield from _of_row(row, graph)
    if header["pivot_passed"]:
        yield "a pivot passed"
    yield from _of_log(execution.log, graph)
    yield from _of_crashes(execution, crashes)


def _of_crashes(execution: Any, crashes: list[int]) -> Iterator[str]:
    """Whether the process died between two entries of the way back."""
    back = [
        at
        for _, at, entries in execution.log
        for entry in entries
        if entry.get("status") == "COMPENSATING" or entry.get("ref", "").startswith(UNDO)
    ]
    if back and any(min(back) <= at <= max(back) for at in crashes):
        yield "a crash on the way back"
    loops = [
        at for _, at, entries in execution.log for each in entries if each["kind"] == "iteration"
    ]
    if loops and any(min(loops) <= at <= max(loops) for at in crashes):
        yield "a crash between iterations"


def _of_place(graph: Graph, ref: str) -> Iterator[str]:
    place = graph.places[ref]
    around = [p.type for p in graph.chain(ref)[:-1]]
    if place.type == "FORK_JOIN_DYNAMIC":
        yield "a fan in a loop" if "DO_WHILE" in around else "a fan"
        width = len(graph.made(ref))
        yield "a fan of nothing" if not width else "a fan in pages" if width > 100 else "a fan"
    elif place.type == "FORK_JOIN":
        yield "a nested fork" if "FORK_JOIN" in around else "a fork"
        if len(place.step["forkTasks"]) > 100:
            yield "fan-out in pages"
    elif place.type == "DO_WHILE":
        yield "a loop in a loop" if "DO_WHILE" in around else "a loop"
        if place.step.get("items") == []:
            yield "a loop of nothing"
    elif place.type in ("SWITCH", "WAIT", "SET_VARIABLE", "INLINE", "TERMINATE"):
        yield f"a step {place.type}"
    elif place.type == "JOIN" and len(place.step.get("joinOn", [])) < len(
        place.siblings[place.index - 1].get("forkTasks", [])
    ):
        yield "a join on some branches"


def _of_row(row: Any, graph: Graph) -> Iterator[str]:
    undo = row["ref"].startswith(UNDO)
    if row["attempt"] and row["round"] < row["attempt"]:
        yield "an undo retried" if undo else "a retry"
    if row["status"] == "TIMED_OUT" and row["type"] == "SIMPLE":
        yield f"{limit_of(row['reason'])} timeout"
    elif row["status"] == "TIMED_OUT":
        yield f"a {row['type']} that timed out"
    if row["status"] == "FAILED_WITH_TERMINAL_ERROR" and row["type"] == "INLINE":
        yield "an expression that failed"
    if undo and row["status"] == "FAILED_WITH_TERMINAL_ERROR" and not row["polls"]:
        yield "an undo that could not begin"
    if row["type"] == "DO_WHILE" and row["status"] == "CANCELED":
        yield "a loop that was cut off"
    if row["status"] == "COMPLETED_WITH_ERRORS":
        yield "an optional step that failed"
    if undo and row["status"] == "COMPLETED":
        yield from _of_undo(graph, row["ref"].removeprefix(UNDO))


def _of_undo(graph: Graph, ref: str) -> Iterator[str]:
    yield "an undo"
    *around, place = graph.chain(ref)
    types = {each.type for each in around}
    if "FORK_JOIN" in types:
        yield "an undo in a fork"
    if "FORK_JOIN_DYNAMIC" in types:
        yield "an undo in a fan"
    if any(each.iteration > 1 for each in (*around, place)):
        yield "an undo in a later iteration"
    if place.type == "SUB_WORKFLOW":
        yield "a sub-workflow undone"


_TOLD = {
    "parked": "an undo that gave up",
    "deadline": "workflow timeout",
    "timeout": "a timeout that is only noted",
}


def _of_log(log: Any, graph: Graph) -> Iterator[str]:
    begun: set[str] = set()
    back = ended = False
    for entry in (entry for _, _, entries in log for entry in entries):
        kind, ref = entry["kind"], entry.get("ref", "")
        if kind in _TOLD:
            yield _TOLD[kind]
        elif kind == "started":
            begun.add(ref)
        elif kind == "iteration" and ended:
            yield "a loop that a person let go on"
        elif kind == "settled" and ref in begun:
            yield "an abort with steps in flight"
        elif kind == "status":
            back = back or entry["status"] == "COMPENSATING"
            ended = ended or entry["status"] in ENDED
            if entry["status"] == "NEEDS_ATTENTION" and not back:
                yield "needs attention behind a pivot"
        elif kind == "failed" and ref.startswith(UNDO):
            yield "an undo that failed"
        elif kind == "failed" and graph.places[ref].step.get("permissive"):
            yield "a permissive step that failed"


def table(counts: Counter[str], cases: int) -> str:
    """The counts beside their minimums, for people."""
    names = sorted({*MINIMUMS, *counts})
    wide = max(map(len, names))
    lines = [
        f"{name:{wide}} {counts[name]:6} of at least {_minimum(name, cases):4}" for name in names
    ]
    return "\n".join([f"coverage of {cases} cases", *lines])


def missing(counts: Counter[str], cases: int) -> list[str]:
    """What the cases should have had more often."""
    return [
        f"{name}: {counts[name]} of {_minimum(name, cases)}"
        for name in MINIMUMS
        if counts[name] < _minimum(name, cases)
    ]


def _minimum(name: str, cases: int) -> int:
    return MINIMUMS.get(name, 0) * cases // 1000
