"""A simulated process: it dies at a named point, and everything it started dies with it."""

from __future__ import annotations

import asyncio
import contextvars
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, TypeVar

from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.workers import NodeDiedError

T = TypeVar("T")

_LIVES_IN: contextvars.ContextVar[Process | None] = contextvars.ContextVar("lives_in", default=None)


class Crash(BaseException):  # no Exception: nothing in the product may catch it
    """The process is dead: whoever runs stops here."""


class Process(ABC):
    """Everything that it starts dies with it; what it has committed stays."""

    def __init__(self, outside: Outside, crash: CrashAt | None, name: str = "") -> None:
        self.name = name
        self._outside = outside
        self._crash = crash
        self._passed = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.dead: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.up = False

    @abstractmethod
    def fall(self) -> None:
        """Keep what is durable, and nothing else."""

    def at(self, point: str) -> None:
        """It passes a named point: this may be where it dies."""
        if self.dead.done():
            raise Crash(point)
        if self._crash is not None and self._crash.point == point:
            self._passed += 1
            if self._passed == self._crash.nth:
                self.die(f"crash {point}")
                raise Crash(point)

    def die(self, why: str) -> None:
        """From now on nobody sees anything of it."""
        if self.dead.done():
            return
        self._outside.note(f"{why} {self.name}".rstrip())
        self.up = False
        self.fall()
        self.dead.set_result(None)

    async def bury(self) -> None:
        """Stop what still runs, once answers that were given have arrived."""
        for _ in range(3):
            await asyncio.sleep(0)
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that belongs to this process, as everything that it starts."""
        token = _LIVES_IN.set(self)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            _LIVES_IN.reset(token)

    async def answer(self, work: Coroutine[Any, Any, T]) -> T:
        """What it answers to whoever asks from outside; NodeDiedError when there comes nothing."""
        task = self.spawn(work)
        await asyncio.wait({task, self.dead}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if task.done() and not task.cancelled():
            error = task.exception()
            if error is None:
                return task.result()
            if not self.dead.done():
                raise error
        raise NodeDiedError("The process died before it answered.")

    def owns(self, task: asyncio.Task[Any]) -> None:
        """Note a task that was started by this process."""
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # what a dead process raises is nobody's concern


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """Makes tasks, and tells the process to which they belong."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    process = _LIVES_IN.get()
    if process is not None:
        process.owns(task)
    return task
