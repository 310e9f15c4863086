"""A service has one active process; others with the same service wait until that one ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from pavane.errors import StoreBusyError

_LOG = logging.getLogger("pavane")

_PAUSE_S = 0.5  # the lock of a process that died is free at once: so long it takes to notice


@asynccontextmanager
async def active_or_standing_by(
    name: str, begin: Callable[[], AbstractAsyncContextManager[None]]
) -> AsyncGenerator[None]:
    """Begin now, or while this goes on as soon as no other process has the service's ledger."""
    settled, over = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_serve(name, begin, settled, over))
    serving.add_done_callback(lambda _: settled.set())
    try:
        await settled.wait()
        if serving.done():
            serving.result()
        yield
    finally:
        over.set()
        await serving


async def _serve(
    name: str,
    begin: Callable[[], AbstractAsyncContextManager[None]],
    settled: asyncio.Event,
    over: asyncio.Event,
) -> None:
    async with AsyncExitStack() as stack:
        while not over.is_set():
            try:
                await stack.enter_async_context(begin())
            except StoreBusyError as error:
                if not settled.is_set():
                    _LOG.warning("%s stands by: %s", name, error.message)
                settled.set()
                await _pause(over)
            else:
                settled.set()
                await over.wait()


async def _pause(over: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PAUSE_S):
            await over.wait()
    except TimeoutError:
        pass
