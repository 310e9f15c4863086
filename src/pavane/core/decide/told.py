"""An EVENT as the task that it is to an engine, which has no bus: of a service that publishes."""

from __future__ import annotations

from typing import Any, Final

from pavane.core.model.event import SINK
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step

EVENT: Final = "EVENT"
"""The step type, and the task of whoever publishes for an engine."""

PATIENT: Final = TaskDefinition(
    name=EVENT,
    retry_count=1_000_000,
    retry_logic="EXPONENTIAL_BACKOFF",
    retry_delay_seconds=0.2,
    max_retry_delay_seconds=10,
    read_only=True,  # what is told stays told: there is nothing to undo
    retriable=True,
)
"""It is tried until the bus has the event."""

DATA: Final = "data"


def as_input(step: Step) -> dict[str, Any]:
    """The inputs of the task: which event, and its data."""
    return {"event": step.sink.removeprefix(SINK), DATA: step.input_parameters}
