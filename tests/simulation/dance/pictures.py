"""Compares what people see: the observer's executions with the orchestrator's, step for step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pavane.engine.views.shapes import ExecutionView, StepView
from pavane.testing.simulation.dance.played import Played

Json = dict[str, Any]

# What no journal tells, or each style names in its own way: ids, times, workers.
_OF_RUN = ("workflow", "version", "status", "cause", "reason", "failed_ref", "key")
_OF_STEP = ("task", "service", "type", "status", "attempts", "reason", "undo", "undoes", "fork")


def differences(conducted: Played, danced: Played, *, skewed: bool = False) -> list[str]:
    """Where the two pictures of a run differ.

    Only clocks say which of two services set a variable last, so with `skewed` ones nobody knows.
    """
    found: list[str] = []
    one, other = conducted.views, danced.views
    if one.keys() != other.keys():
        found.append(f"scopes {sorted(one)} and {sorted(other)}")
    for path in sorted(one.keys() & other.keys()):
        found += (f"{path or 'root'}: {text}" for text in _of_view(one[path], other[path], skewed))
    return found


def _of_view(one: ExecutionView, other: ExecutionView, skewed: bool) -> Iterator[str]:
    left_out = {"variables"} if skewed else set[str]()
    of_run = {name: value for name, value in _run(one).items() if name not in left_out}
    yield from _compared("", of_run, _run(other))
    mine = {step.ref: _step(step) for step in one.steps}
    theirs = {step.ref: _step(step) for step in other.steps}
    if mine.keys() != theirs.keys():
        yield f"steps {sorted(mine)} and {sorted(theirs)}"
    for ref in sorted(mine.keys() & theirs.keys()):
        yield from _compared(f"{ref}: ", mine[ref], theirs[ref])


def _compared(where: str, one: Json, other: Json) -> Iterator[str]:
    for name, value in one.items():
        if value != other[name]:
            yield f"{where}{name} is {value!r:.300} conducted and {other[name]!r:.300} danced"


def _run(view: ExecutionView) -> Json:
    return {
        **{name: getattr(view, name) for name in _OF_RUN},
        "input": _decoded(view.input),
        "output": _decoded(view.output),
        "variables": {name: _decoded(body) for name, body in view.variables.items()},
        "attention": [(each.ref, each.task, each.reason, each.actions) for each in view.attention],
    }


def _step(step: StepView) -> Json:
    made = {name: getattr(step, name) for name in _OF_STEP}
    made["earlier"] = [(each.attempt, each.status, each.reason) for each in step.earlier]
    made["child"] = bool(step.child_id)
    made["input"] = None if step.type in ("JOIN", "FORK_JOIN") else _decoded(step.input)
    made["output"] = _decoded(step.output)
    return made


def _decoded(body: msgspec.Raw) -> Any:
    """Nothing is told as nothing, or as an empty object."""
    return msgspec.json.decode(body) or None
