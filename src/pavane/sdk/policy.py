"""What a decorator says about retries and time, as the task definition that the engine follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import msgspec

from pavane.core.model.task_definition import RetryLogic, TaskDefinition
from pavane.errors import DefinitionError
from pavane.language.durations import parse_duration

Duration = str | float | timedelta
"""Text such as "10s" or "1h30m", a number of seconds, or a timedelta."""

Growth = Literal["fixed", "linear", "exponential"]

Retries = int | Literal["forever"]
"""How often a task is tried again; "forever" until it succeeds."""

_LOGIC: dict[str, RetryLogic] = {
    "fixed": "FIXED",
    "linear": "LINEAR_BACKOFF",
    "exponential": "EXPONENTIAL_BACKOFF",
}
_RETRIES = 3  # of a task tried for ever, for whoever does not know that it is
_SILENCE_S = 3600.0  # without a sign of life, where nothing else is said


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the author of a task wrote about its retries and limits; the defaults are Pavane's."""

    read_only: bool = False
    retries: Retries = 3
    retry_delay: Duration = 0.2
    max_retry_delay: Duration = 10.0
    retry_logic: Growth = "exponential"
    jitter: Duration = 0.0
    timeout: Duration | None = None
    heartbeat_timeout: Duration | None = None
    total_timeout: Duration | None = None
    concurrency: int | None = None

    def definition(
        self, name: str, service: str, *, description: str, inputs: list[str], undo: str
    ) -> TaskDefinition:
        """The task definition; DefinitionError (without the place) for what makes no sense."""
        self._ensure_sense(undo)
        timeout_s = _positive("timeout", self.timeout)
        silence_s = _positive("heartbeat_timeout", self.heartbeat_timeout)
        return TaskDefinition(
            name=name,
            description=description,
            service=service,
            undo=undo,
            input_keys=inputs,
            read_only=self.read_only,
            retriable=self.retries == "forever",
            retry_count=_RETRIES if isinstance(self.retries, str) else self.retries,
            retry_logic=_LOGIC[self.retry_logic],
            retry_delay_seconds=parse_duration(self.retry_delay),
            max_retry_delay_seconds=parse_duration(self.max_retry_delay),
            backoff_jitter_ms=round(parse_duration(self.jitter) * 1000),
            timeout_seconds=timeout_s,
            timeout_policy="RETRY",
            response_timeout_seconds=silence_s or min(_SILENCE_S, timeout_s or _SILENCE_S),
            total_timeout_seconds=_positive("total_timeout", self.total_timeout),
        )

    def _ensure_sense(self, undo: str) -> None:
        if isinstance(self.retries, str) and self.retries != "forever":
            raise DefinitionError(
                f"retries={self.retries!r} is no number.", 'Give a number, or "forever".'
            )
        if not isinstance(self.retries, str) and self.retries < 0:
            raise DefinitionError(f"retries={self.retries} is negative.", "Use 0 for none.")
        if self.retries == "forever" and self.total_timeout is not None:
            raise DefinitionError(
                f"It is tried for ever, and given up after total_timeout={self.total_timeout!r}.",
                "Leave one of them out.",
            )
        if self.read_only and undo:
            raise DefinitionError(
                f"It is read_only and has the undo {undo}.", "What has no effect needs no undo."
            )
        if self.concurrency is not None and self.concurrency < 1:
            raise DefinitionError(
                f"concurrency={self.concurrency} leaves no place to run.", "Use 1 or more."
            )
        if self.retry_logic not in _LOGIC:
            raise DefinitionError(
                f"retry_logic={self.retry_logic!r} is not known.",
                f"Use one of {', '.join(_LOGIC)}.",
            )


def _positive(option: str, value: Duration | None) -> float:
    if value is None:
        return 0.0
    seconds = parse_duration(value)
    if seconds <= 0:
        raise DefinitionError(f"{option}={value!r} leaves no time.", "Leave it out for no limit.")
    return seconds


def description_of(function: Callable[..., Any]) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((function.__doc__ or "").strip().partition("\n\n")[0].split())
