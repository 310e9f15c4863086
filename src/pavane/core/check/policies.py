"""Refuses numbers of retries, delays and timeouts that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Step

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
_TIME_MAX_S = 100 * 366 * 86_400  # a hundred years


def check(layout: Layout) -> Iterator[str]:
    """Find negative numbers and times beyond reason."""
    seconds = layout.workflow.timeout_seconds
    if not 0 <= seconds <= _TIME_MAX_S:
        yield f"The workflow's timeoutSeconds is {seconds:g}; 0 means none, else give seconds."
    for place in layout.places:
        step = place.step
        if step.retry_count is not None and step.retry_count < 0:
            yield f"{place.name}: retryCount is {step.retry_count}; 0 means none."
        if not 0 <= step.start_delay <= _TIME_MAX_S:
            yield f"{place.name}: startDelay is {step.start_delay:g}; 0 means none."
        if step.task_definition is not None:
            for text in numbers(step.task_definition):
                yield f"{place.name}: its taskDefinition: {text}"
        for text in _limits(step):
            yield f"{place.name}: {text}"
        if step.undo is not None and step.undo.task_definition is not None:
            for text in numbers(step.undo.task_definition):
                yield f"{place.name}: the taskDefinition of its undo: {text}"


def keys(definition: TaskDefinition) -> Iterator[str]:
    """What is wrong with the key by which the places of a task are counted."""
    key = definition.concurrency_key
    if not key:
        return
    if not all(part.isidentifier() for part in key.split(".")):
        yield (
            f"concurrencyKey is {key!r}; name a parameter of the input, or a path in it such as "
            "order.customer."
        )
    elif not definition.concurrent_exec_limit:
        yield (
            f"concurrencyKey is {key!r} and there is no concurrentExecLimit; say how many of each "
            "run at once."
        )


def _limits(step: Step) -> Iterator[str]:
    inside = [(step.name, step.task_definition)]
    if step.undo is not None:
        inside.append((step.undo.name, step.undo.task_definition))
    for name, definition in inside:
        if definition is not None and has_limits(definition):
            yield (
                "the taskDefinition in it has limits, and a limit is one for all that do the "
                f"task; register a task definition for {name!r}."
            )


def has_limits(definition: TaskDefinition) -> bool:
    """Whether it bounds how many run at once, or begin in a time."""
    return definition.concurrent_exec_limit > 0 or definition.rate_limit_per_frequency > 0


def numbers(definition: TaskDefinition) -> Iterator[str]:
    """What is wrong with the numbers of a task definition."""
    for field, name in zip(
        TaskDefinition.__struct_fields__, TaskDefinition.__struct_encode_fields__, strict=True
    ):
        if field in _NUMBERS:
            value = getattr(definition, field)
            if not 0 <= value <= _TIME_MAX_S:
                yield f"{name} is {value:g}; 0 means none, and it cannot be negative or endless."
