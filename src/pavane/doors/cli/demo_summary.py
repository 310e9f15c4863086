"""What became of the demo's orders: for people as lines, for programs as data."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which
from typing import Any

import click

from pavane.core.model import status as st
from pavane.doors.cli.demo_styles import Outcome
from pavane.doors.cli.render import COLOURS, first_line, step_lines
from pavane.engine.views.shapes import ExecutionView, StepView


def as_data(views: Sequence[ExecutionView], seconds: float) -> dict[str, Any]:
    """The object of one style in `pavane demo --json`; its shape is a contract."""
    statuses = Counter(view.status for view in views)
    return {
        "started": len(views),
        "completed": statuses[st.COMPLETED],
        "compensated": statuses[st.COMPENSATED],
        "failed": sum(statuses[each] for each in (st.FAILED, st.TIMED_OUT, st.TERMINATED)),
        "seconds": round(seconds, 3),
        "executions": [_execution(view) for view in views],
    }


def _execution(view: ExecutionView) -> dict[str, Any]:
    return {
        "id": view.id,
        "workflow": view.workflow,
        "status": view.status,
        "cause": view.cause,
        "steps": [_step(step) for step in view.steps if step.service],
    }


def _step(step: StepView) -> dict[str, Any]:
    return {
        "ref": step.ref,
        "task": step.task,
        "service": step.service,
        "status": step.status,
        "attempts": step.attempts,
    }


def summary_lines(what: str, outcome: Outcome, store_url: str) -> Iterator[str]:
    """Counts, why, what was tried again, one order step by step, and where to look next."""
    views = outcome.views
    yield f"{what}: {outcome.seconds:.1f} s"
    for status, meaning in (
        (st.COMPLETED, "every step done"),
        (st.COMPENSATED, "not possible to the end: what was done is undone"),
        (st.FAILED, "not possible from the start: nothing was done"),
        (st.NEEDS_ATTENTION, "an undo gave up: a person must look"),
    ):
        found = [view for view in views if view.status == status]
        if found or status != st.NEEDS_ATTENTION:
            yield ""
            yield f"{len(found):5}  {_coloured(status)} {meaning}"
            yield from _reasons(found)
    yield from _retries(views)
    example = _example(views)
    if example:
        yield ""
        yield f"One that was undone, {example.key}: {first_line(example.reason)}"
        work = [step for step in example.steps if step.service]
        yield from (f"  {line}" for line in step_lines(work))
    yield ""
    yield "Look further:"
    name = command_name()
    if example and outcome.kept:
        yield f"  {name} show {example.id} --store {store_url}"
    if outcome.kept:
        yield f"  {name} list --store {store_url}"
        yield f"  {name} demo --fail ship"
    yield f"  {name} demo --style all"


def command_name() -> str:
    """How the reader can call us again: `pavane` may be installed where no path leads."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m pavane"
    if which(called.name):
        return called.name
    return os.path.relpath(called)


def _coloured(status: str) -> str:
    return click.style(status.lower().replace("_", " ").ljust(12), fg=COLOURS.get(status))


def _reasons(views: Sequence[ExecutionView]) -> Iterator[str]:
    reasons = Counter(first_line(view.reason) for view in views if view.reason)
    for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
        yield f"{count:20} × {reason}"


def _retries(views: Sequence[ExecutionView]) -> Iterator[str]:
    """Steps and undos that needed more than one attempt, and then worked."""
    done = {*st.SUCCESSFUL, "UNDONE"}
    steps = [s for v in views for s in v.steps if s.attempts > 1 and s.status in done]
    if steps:
        yield ""
    for undos, noun in ((False, "step"), (True, "undo")):
        names = Counter((s.task, s.attempts) for s in steps if bool(s.undoes) == undos)
        for (task, attempts), count in sorted(names.items()):
            nouns = noun + ("s" if count > 1 else "")
            yield f"{count:5}  {nouns} failed at first and worked at attempt {attempts}: {task}"


def _example(views: Iterable[ExecutionView]) -> ExecutionView | None:
    """The compensated order whose undos needed most attempts; of several the first."""
    undone = [view for view in views if view.status == st.COMPENSATED]

    def interest(view: ExecutionView) -> int:
        return sum(step.attempts - 1 for step in view.steps if step.undoes)

    return max(undone, key=interest, default=None)
