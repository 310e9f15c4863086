"""Tells one case from beginning to end, for whoever repeats a seed to understand a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pavane.ports.bus import JOURNAL
from pavane.testing.simulation.clock import START_MS
from pavane.testing.simulation.dance.instances import notes_of
from pavane.testing.simulation.dance.played import Run
from pavane.testing.simulation.dance.world import dance
from tests.simulation.checker.graph import Json, branches
from tests.simulation.dance.equivalence import case_of


def tell(seed: int) -> str:
    """Definitions, scripts, faults, and everything that happened, in order; times in ms."""
    case = case_of(seed)
    danced = dance(case)
    lines = [f"seed {seed}"]
    for run in case.runs:
        lines += _of_run(run)
    lines.append(f"weather {case.weather}")
    lines += [f"crashes of {role}: {crashes}" for role, crashes in case.crashes.items()]
    lines += [f"skew {case.skew_ms}, learns {case.learns_s}, stops {case.stops}"]
    happened: list[tuple[int, str]] = []
    for role, log in danced.logs.items():
        skew_ms = case.skew_ms.get(role, 0)
        for record in log:
            event = record.out.event
            if record.out.topic != JOURNAL:
                kind = event.attributes.get("prockind", event.type)
                to = record.out.topic.rpartition(".")[2]
                node, scope = (event.attributes.get(n, "") for n in ("procstep", "procscope"))
                text = f"{role} -> {to}: {kind} {node or scope} {event.data.decode():.200}"
                happened.append((event.time - skew_ms, text))
        for note in notes_of(log):
            told = msgspec.structs.asdict(note)
            what = told.get("ref") or told.get("scope") or "root"
            text = f"   {role} tells: {what} {told['status']} {told.get('reason', '')}"
            happened.append((told["time"] - skew_ms, text))
    for seen in danced.record:
        where = f"{seen.execution_id} {seen.ref}#{seen.attempt}"
        happened.append((seen.at, f"      ~ {where} {seen.kind} {seen.what}"))
    happened += [(at, f"* {note}") for at, note in danced.notes]
    lines += [f"{at - START_MS:8} {text}" for at, text in sorted(happened, key=lambda h: h[0])]
    lines += [f"{key} ended {played.status}" for key, played in danced.runs.items()]
    return "\n".join(lines)


def _of_run(run: Run) -> Iterator[str]:
    yield f"run {run.key} at {run.at_s} s with {run.input}"
    yield from _steps(msgspec.to_builtins(run.drawn.workflow)["tasks"], 1)
    for task in run.drawn.tasks:
        yield f"  task {msgspec.to_builtins(task)}"
    for place, turns in run.script.turns.items():
        shown = [(turn.end, turn.report_ms, turn.effect_ms) for turn in turns]
        yield f"  script {place.scope}/{place.ref} {shown}"


def _steps(steps: list[Json], depth: int) -> Iterator[str]:
    hidden = {"decisionCases", "defaultCase", "forkTasks", "taskReferenceName", "subWorkflowParam"}
    for step in steps:
        shown: dict[str, Any] = {k: v for k, v in step.items() if k not in hidden}
        yield f"{'    ' * depth}{step['taskReferenceName']} {shown}"
        for name, inner in branches(step):
            yield f"{'    ' * depth}  {name}"
            yield from _steps(inner, depth + 1)
        body = step.get("subWorkflowParam", {}).get("workflowDefinition")
        if body is not None:
            about = {k: v for k, v in body.items() if k != "tasks"}
            yield f"{'    ' * depth}  scope {about}"
            yield from _steps(body["tasks"], depth + 1)
