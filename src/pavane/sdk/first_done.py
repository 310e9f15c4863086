"""The first of several to be done, where a workflow with `race` runs as plain Python."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any


async def first_done(branches: Sequence[Awaitable[Any]]) -> Any:
    """The result of the first that succeeds; the others are cancelled.

    Where all fail, the error of the one that failed last.
    """
    running = [asyncio.ensure_future(each) for each in branches]
    pending = set(running)
    error: BaseException = asyncio.CancelledError()
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for each in running:
                if each not in done:
                    continue
                if each.cancelled():
                    error = asyncio.CancelledError()
                elif (failed := each.exception()) is None:
                    return each.result()
                else:
                    error = failed
        raise error
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
