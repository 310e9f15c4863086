"""When workflows start by themselves: what their authors say, and what the store keeps of it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Missed = Literal["last", "all", "none"]
"""Of the times that passed while nobody was there: which of them start something afterwards."""


class Scheduled(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a definition says about when it starts.

    `every` is a cron expression of six fields, seconds first, or a duration such as "10m", counted
    from the beginning of 1970. `time_parameter` is the input that gets the time, as RFC 3339.
    """

    every: str = ""
    zone: str = "UTC"
    missed: Missed = "last"
    input: dict[str, Any] = {}
    time_parameter: str = ""


class Beat(msgspec.Struct, frozen=True, rename="camel"):
    """One rhythm of a schedule: an expression and the time zone that it is meant in."""

    every: str
    zone: str = "UTC"


class Schedule(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A schedule as it stands. Times are epoch milliseconds, 0 where there is none."""

    name: str
    workflow: str
    beats: tuple[Beat, ...]
    version: int | None = None
    input: dict[str, Any] = {}
    time_parameter: str = ""
    missed: Missed = "last"
    correlation_id: str = ""
    priority: int = 0
    description: str = ""
    declared: bool = False  # by the definition of the workflow, with which it comes and goes
    paused: bool = False
    paused_reason: str = ""
    begins_at: int = 0
    ends_at: int = 0
    created_at: int = 0
    updated_at: int = 0
    next_at: int = 0  # 0: never again
    last_at: int = 0  # the time that last started something
    last_id: str = ""  # what it started
    last_error: str = ""  # why it started nothing
