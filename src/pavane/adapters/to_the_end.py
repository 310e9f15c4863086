"""Waiting for what must not be broken off half-way, though whoever waits is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """What it gives or raises. If the caller was cancelled: CancelledError, when it is over."""
    ending = asyncio.ensure_future(work)
    cancelled = False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001  # raised below, from the future itself
            break
    found = ending.result()
    if cancelled:
        raise asyncio.CancelledError
    return found
