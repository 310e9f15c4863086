"""Executions as lines of text; colours vanish by themselves where the output is no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click
import msgspec

from pavane.doors.cli.rounds import iterations
from pavane.engine.views.progress import progress_text
from pavane.engine.views.shapes import ExecutionSummary, ExecutionView, StepView

COLOURS = {
    "COMPLETED": "green",
    "COMPLETED_WITH_ERRORS": "green",
    "UNDONE": "yellow",
    "COMPENSATED": "yellow",
    "COMPENSATING": "yellow",
    "RUNNING": "cyan",
    "IN_PROGRESS": "cyan",
    "SCHEDULED": "cyan",
    "PAUSED": "blue",
    "FAILED": "red",
    "FAILED_WITH_TERMINAL_ERROR": "red",
    "TIMED_OUT": "red",
    "TERMINATED": "red",
    "NEEDS_ATTENTION": "magenta",
}
MARKS = {
    "COMPLETED": "✓",
    "COMPLETED_WITH_ERRORS": "✓",
    "UNDONE": "↶",
    "FAILED": "✗",
    "FAILED_WITH_TERMINAL_ERROR": "✗",
    "TIMED_OUT": "✗",
    "CANCELED": "–",
    "SKIPPED": "–",
    "IN_PROGRESS": "▸",
    "SCHEDULED": "·",
}


def status_text(status: str, width: int = 0) -> str:
    """A status in its colour."""
    return click.style(status.ljust(width), fg=COLOURS.get(status))


def summary_lines(executions: Sequence[ExecutionSummary]) -> Iterator[str]:
    """A table of executions."""
    if not executions:
        yield "No executions."
        return
    rows = [
        (each.id, each.workflow, each.status, each.key, moment(each.created_at), each.reason)
        for each in executions
    ]
    head = ("ID", "WORKFLOW", "STATUS", "KEY", "STARTED", "REASON")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    yield "  ".join(map(str.ljust, head, widths)).rstrip()
    for row in rows:
        cells = list(map(str.ljust, row, widths))
        cells[2] = status_text(row[2], widths[2])
        yield "  ".join(cells).rstrip()


def execution_lines(view: ExecutionView) -> Iterator[str]:
    """One execution, step by step."""
    cause = f" (cause: {view.cause})" if view.cause else ""
    yield f"{view.workflow} v{view.version}  {view.id}"
    yield f"  status   {status_text(view.status)}{cause}"
    for label, text in (
        ("newer", newer_version(view)),
        ("waits", view.waits),
        ("reason", view.reason),
        ("key", view.key),
        ("parent", view.parent_id),
        ("started", moment(view.created_at)),
        ("ended", moment(view.ended_at)),
        ("input", shortened(view.input)),
        ("output", shortened(view.output) if view.ended_at else ""),
    ):
        if text:
            yield f"  {label.ljust(8)} {text}"
    yield "  steps"
    yield from (f"    {line}" for line in step_lines(view.steps))
    if view.attention or view.set_aside:
        yield "  waiting for you"
    for stopped in view.set_aside:
        what = f"{stopped.service} has set {stopped.type} aside"
        yield f"    {what} ({stopped.kind}): {first_line(stopped.reason)}"
        yield f"    pavane dead-letters redrive {stopped.id}"
    for each in view.attention:
        if "redrive" in each.actions:  # a message: said above
            continue
        yield f"    {each.ref}: {each.reason}"
        actions = "|".join(each.actions)
        yield f"    pavane resolve {view.id} {each.ref} {actions}"


def newer_version(view: ExecutionView) -> str:
    """That a newer version is registered than the one that it goes by, and what can be done."""
    if view.newest_version <= view.version or not view.version:
        return ""
    text = f"version {view.newest_version} is registered"
    if view.ended_at or view.style != "orchestrated":
        return text
    return f"{text}: pavane move {view.id} --to {view.newest_version} --dry-run"


def step_lines(steps: Sequence[StepView]) -> Iterator[str]:
    """Steps in the order in which they were first scheduled, undos among them."""
    width = max((len(step.ref) for step in steps), default=0)
    task_width = max((len(owned_task(step)) for step in steps), default=0)
    for step in steps:
        mark = click.style(MARKS.get(step.status, "?"), fg=COLOURS.get(step.status))
        line = f"{mark} {step.ref.ljust(width)}  {owned_task(step).ljust(task_width)}  "
        line += status_text(step.status)
        rounds = iterations(step)
        if rounds:
            line += f"  {rounds} iteration{'s' if rounds > 1 else ''}"
        if step.attempts > 1:
            line += f"  after {step.attempts} attempts"
        if step.reason:
            line += f"  {first_line(step.reason)}"
        if told := progress_text(step) or (step.waits and f"waits: {step.waits}"):
            line += f"  {told}"
        if step.child_id:
            line += f"  → {step.child_id}"
        yield line.rstrip()
        for attempt in step.earlier:
            note = f"attempt {attempt.attempt} {attempt.status}: {first_line(attempt.reason)}"
            yield click.style(f"  {' ' * width}  {note}", dim=True)


def owned_task(step: StepView) -> str:
    """`service.task`, or the type of a step that no service does."""
    if not step.service:
        return step.task if step.type == "SIMPLE" else step.type
    return f"{step.service}.{step.task}"


def moment(at: int) -> str:
    """Epoch milliseconds as local time; "" for none."""
    if not at:
        return ""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def shortened(body: msgspec.Raw, limit: int = 200) -> str:
    """JSON in one line, cut where it gets long."""
    text = bytes(body).decode(errors="replace")
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"


def first_line(text: str) -> str:
    """The first line of a reason; the rest is in `--json`."""
    return text.split("\n", 1)[0]
