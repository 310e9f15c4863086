"""A service has one active process; others with the same service wait until that one ends.

One that is put out, because it gave no sign of life for its lease, waits like the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pavane.errors import PavaneError, StoreBusyError
from pavane.ports.ledger import Leased, Ledger

_LOG = logging.getLogger("pavane")

_PAUSE_S = 0.5  # the lock of a process that died is free at once: so long it takes to notice


@asynccontextmanager
async def active_or_standing_by(
    name: str, ledger: Ledger, begin: Callable[[], AbstractAsyncContextManager[None]]
) -> AsyncGenerator[None]:
    """Begin now, or while this goes on as soon as no other process has the service's ledger.

    What `begin` opens is closed and begun anew when the ledger is taken over by another process.
    """
    settled, over = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_serve(name, ledger, begin, settled, over))
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
    ledger: Ledger,
    begin: Callable[[], AbstractAsyncContextManager[None]],
    settled: asyncio.Event,
    over: asyncio.Event,
) -> None:
    while not over.is_set():
        try:
            async with begin():
                if settled.is_set():
                    _LOG.warning("%s is active here", name)
                settled.set()
                await _until_over_or_lost(ledger, over)
        except StoreBusyError as error:
            if not settled.is_set():
                _LOG.warning("%s stands by: %s", name, error.message)
        except PavaneError as error:
            if not settled.is_set():
                raise
            _LOG.warning("%s stands by: %s", name, error)
        if not over.is_set():
            settled.set()
            await _pause(over)


async def _until_over_or_lost(ledger: Ledger, over: asyncio.Event) -> None:
    if not isinstance(ledger, Leased):
        await over.wait()
        return
    waits = [asyncio.ensure_future(over.wait()), asyncio.ensure_future(ledger.lost())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _pause(over: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PAUSE_S):
            await over.wait()
    except TimeoutError:
        pass
