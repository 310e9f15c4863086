"""Refuses numbers of retries, delays and timeouts that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout
from pavane.core.model.task_definition import TaskDefinition

_NUMBERS = (
    "retry_count",
    "retry_delay_seconds",
    "backoff_scale_factor",
    "max_retry_delay_seconds",
    "backoff_jitter_ms",
    "timeout_seconds",
    "total_timeout_seconds",
    "response_timeout_seconds",
    "poll_timeout_seconds",
    "concurrent_exec_limit",
    "rate_limit_per_frequency",
    "rate_limit_frequency_in_seconds",
)
_NOT_BUILT = ("concurrent_exec_limit", "rate_limit_per_frequency")
_TIME_MAX_S = 100 * 366 * 86_400  # a hundred years


def check(layout: Layout) -> Iterator[str]:
    """Find negative numbers and times beyond reason."""
    seconds = layout.workflow.timeout_seconds
    if not 0 <= seconds <= _TIME_MAX_S:
        yield f"The workflow's timeoutSeconds is {seconds:g}; 0 means none, else give seconds."
    if layout.workflow.rate_limit_config:
        yield "The workflow's rateLimitConfig is not built yet; leave it out."
    for place in layout.places:
        step = place.step
        if step.retry_count is not None and step.retry_count < 0:
            yield f"{place.name}: retryCount is {step.retry_count}; 0 means none."
        if not 0 <= step.start_delay <= _TIME_MAX_S:
            yield f"{place.name}: startDelay is {step.start_delay:g}; 0 means none."
        if step.task_definition is not None:
            for text in numbers(step.task_definition):
                yield f"{place.name}: its taskDefinition: {text}"
        if step.undo is not None and step.undo.task_definition is not None:
            for text in numbers(step.undo.task_definition):
                yield f"{place.name}: the taskDefinition of its undo: {text}"


def numbers(definition: TaskDefinition) -> Iterator[str]:
    """What is wrong with the numbers of a task definition."""
    for field, name in zip(
        TaskDefinition.__struct_fields__, TaskDefinition.__struct_encode_fields__, strict=True
    ):
        if field in _NUMBERS:
            value = getattr(definition, field)
            if not 0 <= value <= _TIME_MAX_S:
                yield f"{name} is {value:g}; 0 means none, and it cannot be negative or endless."
            elif value and field in _NOT_BUILT:
                yield (
                    f"{name} is {value:g}, and limits across workers are not built yet; leave it "
                    "out, or bound the places of each process with `concurrency`."
                )
