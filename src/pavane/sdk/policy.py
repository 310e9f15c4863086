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
_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "day": 86_400.0}
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
    max_running: int | None = None
    rate: str | None = None
    concurrency_key: str = ""

    def definition(
        self, name: str, service: str, *, description: str, inputs: list[str], undo: str
    ) -> TaskDefinition:
        """The task definition; DefinitionError (without the place) for what makes no sense."""
        self._ensure_sense(undo)
        self._ensure_key(inputs)
        timeout_s = _positive("timeout", self.timeout)
        silence_s = _positive("heartbeat_timeout", self.heartbeat_timeout)
        many, within_s = _rate(self.rate)
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
            concurrent_exec_limit=self.max_running or 0,
            concurrency_key=self.concurrency_key,
            rate_limit_per_frequency=many,
            rate_limit_frequency_in_seconds=within_s,
        )

    def _ensure_key(self, inputs: list[str]) -> None:
        key = self.concurrency_key
        if not key:
            return
        if self.max_running is None:
            raise DefinitionError(
                f"concurrency_key={key!r} counts nothing without max_running.",
                "Say how many of each key run at once: max_running=1.",
            )
        first, *rest = key.split(".")
        if first not in inputs or not all(part.isidentifier() for part in rest):
            raise DefinitionError(
                f"concurrency_key={key!r} names none of its parameters.",
                f"Begin it with one of {', '.join(inputs)}." if inputs else "It has none.",
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
        if self.max_running is not None and self.max_running < 1:
            raise DefinitionError(
                f"max_running={self.max_running} lets nothing run.", "Use 1 or more."
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


def _rate(text: str | None) -> tuple[int, float]:
    """How many may begin, within how many seconds."""
    if text is None:
        return 0, 1.0
    many, _, within = text.replace(" ", "").partition("/")
    seconds = _UNITS.get(within, 0.0)
    if within[:1].isdigit():
        seconds = parse_duration(within)
    if not (many.isascii() and many.isdecimal() and int(many)) or seconds <= 0:
        raise DefinitionError(
            f"rate={text!r} is no rate.", 'Say how many in which time: "100/min", "5/s", "10/30s".'
        )
    return int(many), seconds


def description_of(function: Callable[..., Any]) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((function.__doc__ or "").strip().partition("\n\n")[0].split())
