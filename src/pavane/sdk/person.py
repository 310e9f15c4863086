"""`person`: the word with which a workflow asks a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar, overload

from pavane.errors import UsageError
from pavane.language.offers import mark

T = TypeVar("T")

_WAY_OUT = "Start the workflow with a client, and answer with `Run.signal` or `pavane signal`."


@overload
async def person(
    name: str,
    /,
    *,
    to: str | Sequence[str] | None = None,
    deadline: None = None,
    result: type[T],
    **input: object,
) -> T: ...
@overload
async def person(
    name: str,
    /,
    *,
    to: str | Sequence[str] | None = None,
    deadline: str | float | timedelta,
    result: type[T],
    **input: object,
) -> T | None: ...
@overload
async def person(
    name: str,
    /,
    *,
    to: str | Sequence[str] | None = None,
    deadline: None = None,
    **input: object,
) -> dict[str, Any]: ...
@overload
async def person(
    name: str,
    /,
    *,
    to: str | Sequence[str] | None = None,
    deadline: str | float | timedelta,
    **input: object,
) -> dict[str, Any] | None: ...
@mark("person")
async def person(name: str, /, **given: object) -> Any:
    """Ask a person, or a group, and wait for the answer; None when the `deadline` is over.

    `to` is who is asked, `result` the type of the answer (a dict without it), and all else is shown
    with the question. A refusal fails the step. Only inside a workflow; UsageError anywhere else.
    """
    del given
    raise UsageError(f"person({name!r}) was called outside a workflow.", _WAY_OUT)
