"""Refuses a `startedBy` that names no event, or reads what the event cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pavane.core.expressions.template import compile_template
from pavane.core.model.event import fault_in_type
from pavane.core.model.workflow import Workflow
from pavane.errors import ExpressionError


def check(workflow: Workflow) -> Iterator[str]:
    """Find what is wrong with the event that starts a workflow."""
    started = workflow.started_by
    if started is None:
        return
    if not started.event:
        yield "Its `startedBy` names no event; write the type in `event`."
    elif wrong := fault_in_type(started.event):
        yield f"Its `startedBy` names the event type {started.event!r}, which {wrong}."
    for where, value in (("input", started.input), ("key", started.key)):
        yield from _reads(f"startedBy.{where}", value)
    if started.key and "${" not in started.key:
        yield (
            f"The key in its `startedBy` is always {started.key!r}, so it would start once and "
            "never again; read something of the event, as in ${event.id}."
        )


def _reads(where: str, value: Any) -> Iterator[str]:
    try:
        reads = compile_template(value, where=where).reads
    except ExpressionError as error:
        yield str(error)
        return
    for read in reads:
        if read.root != "event":
            yield (
                f"Its `{where}` reads {read.root!r}, and before the start there is only the event; "
                "write ${event.<field>}."
            )
