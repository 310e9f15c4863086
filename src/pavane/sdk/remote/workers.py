"""The workers of this process, at work for a server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from pavane.core.model.work import Assignment, Outcome
from pavane.engine.exchange import Wanted
from pavane.errors import PavaneError
from pavane.sdk.remote.crew import CrewExchange, Place
from pavane.sdk.remote.line import Line
from pavane.sdk.worker import LocalWorkers

_GOOD_BYE_S = 2.0  # how long a server that is away is waited for at the end


class RemoteWorkers:
    """Keeps the workers busy with what a server has; for them it is the source of work.

    `name` is that of this process among all that exchange with the server.
    """

    def __init__(self, workers: LocalWorkers, line: Line, name: str) -> None:
        self._workers = workers
        self._line = line
        self._name = name
        self._at_work: dict[Place, CrewExchange] = {}
        self._crews = [
            CrewExchange(line, name, workers, tasks, self._at_work) for tasks in workers.crews()
        ]
        self._waiting: list[asyncio.Task[None]] = []
        self._bringing: list[asyncio.Task[None]] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin to ask for work."""
        self._workers.start(self)
        self._bringing = [self._spawn(crew.hand_in()) for crew in self._crews]
        self._waiting = [self._spawn(crew.wait_for_work()) for crew in self._crews]

    async def stop(self) -> None:
        """Take nothing more, finish and hand in what was begun, and say good-bye."""
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self._workers.stop()
        for bringing in self._bringing:
            bringing.cancel()
        await asyncio.gather(*self._bringing, return_exceptions=True)
        with contextlib.suppress(PavaneError, TimeoutError):
            async with asyncio.timeout(_GOOD_BYE_S):
                await self._line.once(Wanted(self._name, leaving=True))
        self.failed.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A request that will not get through by being repeated: whoever runs us must know."""
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_exception(error)

    # --- the source of work, for the workers ----------------------------------------------------

    async def poll(self, tasks: Sequence[str], worker: str, limit: int) -> list[Assignment]:
        """Nothing: work comes by itself."""
        del tasks, worker, limit
        return []

    async def report(self, outcome: Outcome) -> bool:
        """Hand in an outcome, until the server has it."""
        crew = self._at_work.pop((outcome.execution_id, outcome.ref, outcome.attempt), None)
        return await (crew or self._crews[0]).report(outcome)

    async def heartbeat(
        self, execution_id: str, ref: str, attempt: int, *, progress: bytes = b""
    ) -> bool:
        """A sign of life from inside a task."""
        place = (execution_id, ref, attempt)
        crew = self._at_work.get(place)
        return await crew.heartbeat(place, progress) if crew else False
