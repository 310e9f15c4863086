"""A real HTTP server over an application, on a free port of the loopback interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from pavane.doors.rest.access.lock import Lock
from pavane.doors.rest.serve import listen, serve, url_of


class Serving(NamedTuple):
    """Where it answers, and what makes it stop."""

    url: str
    stop: asyncio.Event
    ended: "asyncio.Task[None]"


@asynccontextmanager
async def serving(app: Lock) -> AsyncIterator[Serving]:
    """Answers while the context lasts."""
    ready, stop = asyncio.Event(), asyncio.Event()
    with listen("127.0.0.1", 0, locked=False) as listening:
        ended = asyncio.create_task(serve(app, listening, stop, ready.set))
        try:
            async with asyncio.timeout(10):
                await ready.wait()
            yield Serving(url_of(listening), stop, ended)
        finally:
            stop.set()
            await ended
