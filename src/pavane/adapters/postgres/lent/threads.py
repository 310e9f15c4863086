"""What a driver that blocks does for us, in threads: never two things at once on one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Aside:
    """The calls on one connection. Whoever waits may be cancelled; the call goes on."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._going: asyncio.Future[Any] | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """What it gives, from a thread."""
        going = asyncio.get_running_loop().run_in_executor(self._threads, call)
        self._going = going
        return await asyncio.shield(going)

    def afterwards(self, call: Callable[[], object]) -> None:
        """Call it when nothing is going on, as soon as may be."""
        if self._going is None or self._going.done():
            call()
        else:
            self._going.add_done_callback(lambda going: (going.exception(), call()))
