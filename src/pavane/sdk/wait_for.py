"""`wait_for`: the word with which a workflow waits for an event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, overload

from pavane.errors import UsageError
from pavane.language.offers import mark
from pavane.sdk.event import Event

E = TypeVar("E", bound=Event)

_WAY_OUT = (
    "Run the workflow where there is a bus: choreographed, or with `pavane server --bus`. In a "
    "handler, return the event or use its context."
)


@overload
async def wait_for(
    kind: type[E],
    *,
    where: Callable[[E], object],
    timeout: None = None,  # noqa: ASYNC109  # the engine waits
    early: str | float | timedelta = "1h",
) -> E: ...
@overload
async def wait_for(
    kind: type[E],
    *,
    where: Callable[[E], object],
    timeout: str | float | timedelta,  # noqa: ASYNC109  # the engine waits
    early: str | float | timedelta = "1h",
) -> E | None: ...
@mark("wait_for")
async def wait_for(
    kind: type[E],
    *,
    where: Callable[[E], object],
    timeout: str | float | timedelta | None = None,  # noqa: ASYNC109  # the engine waits
    early: str | float | timedelta = "1h",
) -> E | None:
    """Wait for an event of that type for which `where` is true; None when the `timeout` is over.

    `where` is a lambda, read like the rest of the workflow: at least one field of the event must
    equal a value. The event may have come already, `early` before the step at most. Only inside a
    workflow; UsageError anywhere else.
    """
    del where, timeout, early
    raise UsageError(f"wait_for({kind.__name__}) was called outside a workflow.", _WAY_OUT)
