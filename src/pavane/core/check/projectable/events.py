"""Finds events that go nowhere, or come from nowhere, across the services of an application."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pavane.core.check.suggestions import did_you_mean
from pavane.core.decide.event_waits import steps_of, waits_for_event
from pavane.core.model.event import SINK
from pavane.core.model.workflow import Workflow


def orphans(
    emits: Mapping[str, Collection[str]], handles: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Event types with only one end; both mappings say who, by event type."""
    sent = {event for event, who in emits.items() if who}
    taken = {event for event, who in handles.items() if who}
    for event in sorted(sent - taken):
        guess = did_you_mean(event, sorted(taken - sent))
        yield (
            f"Event {event!r} is emitted by {_names(emits[event])} and handled by nobody; "
            + (guess or "let a service handle it, or leave it out.")
        )
    for event in sorted(taken - sent):
        guess = did_you_mean(event, sorted(sent - taken))
        yield (
            f"Event {event!r} is handled by {_names(handles[event])} and emitted by nobody here; "
            + (guess or "let a service emit it, unless it comes from outside.")
        )


def told_by(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """The types of events that a workflow publishes, each with the step that does."""
    for step in steps_of(workflow):
        if step.type == "EVENT":
            yield step.sink.removeprefix(SINK), f"{workflow.name}.{step.ref}"


def heard_by(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """The types of events that a workflow waits for or is started by, each with who does."""
    if workflow.started_by is not None:
        yield workflow.started_by.event, workflow.name
    for step in steps_of(workflow):
        if waits_for_event(step):
            yield str(step.input_parameters["event"]), f"{workflow.name}.{step.ref}"


def _names(who: Collection[str]) -> str:
    names = sorted(set(who))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
