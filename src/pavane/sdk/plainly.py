"""Workflows as ordinary Python: where that is so, and how their steps fail there."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pavane.errors import Fail, StepFailed

_asked: ContextVar[bool] = ContextVar("pavane_plain", default=False)
_inside: ContextVar[bool] = ContextVar("pavane_plain_inside", default=False)


@contextmanager
def as_plain_python() -> Generator[None]:
    """Inside, calling a workflow runs its function as ordinary Python, and so for those it calls.

    This is the reference for what a workflow means; nothing is durable, nothing is undone. A step
    that fails raises StepFailed.
    """
    token = _asked.set(True)
    try:
        yield
    finally:
        _asked.reset(token)


def is_plain() -> bool:
    """Whether workflows run as ordinary Python here."""
    return _asked.get()


def is_step() -> bool:
    """Whether what is called here is a step of a workflow that runs as ordinary Python."""
    return _inside.get()


async def run_plainly(work: Awaitable[Any], name: str, *, optional: bool) -> Any:
    """The body of a workflow; one that another calls is a step of that."""
    if _inside.get():
        return await as_step(name, work, optional=optional)
    token = _inside.set(True)
    try:
        return await work
    finally:
        _inside.reset(token)


async def as_step(name: str, work: Awaitable[Any], *, optional: bool = False) -> Any:
    """The result of a step; StepFailed where it fails, None where it may."""
    try:
        return await work
    except Exception as error:
        if optional:
            return None
        raise failed(name, error) from error


def failed(name: str, error: Exception) -> StepFailed:
    """The failure of a step: in front of the reason stands which step in it failed, if one did."""
    if isinstance(error, StepFailed):
        return StepFailed(f"{error.step}: {error.reason}", step=name)
    if isinstance(error, Fail):
        return StepFailed(str(error), step=name)
    text = str(error)
    kind = type(error).__name__
    return StepFailed(f"{kind}: {text}" if text else kind, step=name)
