"""Tells one case from beginning to end, for whoever repeats a seed to understand a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.testing.simulation.clock import START_MS
from tests.simulation.checker.graph import Json, branches

_QUIET = frozenset({"kind", "ref", "attempt", "visible_at"})


def tell(trace: Any) -> str:
    """Definitions, final states, and everything that happened, in order; times in ms."""
    names = {id: f"E{number}" for number, id in enumerate(trace.executions)}
    lines = [f"seed {trace.seed}"]
    for definition in trace.definitions.values():
        lines += [f"workflow {definition['name']}", *_steps(definition["tasks"], 1)]
    for id, execution in trace.executions.items():
        header = execution.header
        about = {k: header[k] for k in ("status", "cause", "reason", "phase", "open", "undoable")}
        lines.append(f"{names[id]} {header['workflow']} {about}")
        marks = [(r["ref"], r["attempt"], r["mark"]) for r in execution.ready]
        lines += [f"   ready rows: {marks}"] if marks else []
    happened = sorted(_happened(trace, names), key=lambda one: one[:3])
    lines += [f"{at - START_MS:8} {text}" for at, _, _, text in happened]
    return _renamed("\n".join(lines), names)


def _happened(trace: Any, names: dict[str, str]) -> Iterator[tuple[int, int, int, str]]:
    for id, execution in trace.executions.items():
        for position, at, entries in execution.log:
            for entry in entries:
                more = {name: value for name, value in entry.items() if name not in _QUIET}
                step = f" {entry['ref']}#{entry['attempt']}" if "ref" in entry else ""
                yield at, 0, position, f"{names[id]} {entry['kind']}{step} {more or ''}"
    for index, seen in enumerate(trace.record):
        who = names.get(seen.execution_id, seen.execution_id)
        text = f"   ~ {who} {seen.kind} {seen.ref}#{seen.attempt} {seen.what}"
        yield seen.at, 1, index, text
    for index, act in enumerate(trace.actions):
        yield act["at"], 2, index, f"   ! {act}"
    for index, (at, note) in enumerate(trace.notes):
        yield at, 3, index, f"   * {note}"


def _steps(steps: list[Json], depth: int) -> Iterator[str]:
    hidden = {"decisionCases", "defaultCase", "forkTasks", "taskReferenceName", "subWorkflowParam"}
    for step in steps:
        shown = {name: value for name, value in step.items() if name not in hidden}
        param = step.get("subWorkflowParam", {})
        what = f" -> {param['name']}" if param.get("name") else ""
        yield f"{'    ' * depth}{step['taskReferenceName']}{what} {shown}"
        for name, inner in branches(step):
            yield f"{'    ' * depth}  {name}"
            yield from _steps(inner, depth + 1)


def _renamed(text: str, names: dict[str, str]) -> str:
    for id, name in names.items():
        text = text.replace(id, name)
    return text
