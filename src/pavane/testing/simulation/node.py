"""One process: an engine with its workers, which dies at a named point and is seen no more."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from pavane.core.model.work import Assignment, Outcome
from pavane.engine.engine import Engine
from pavane.ports.clock import Clock
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.slow_store import CrashableStore, slow
from pavane.testing.simulation.workers import NodeDiedError, Workers

T = TypeVar("T")

_LIVES_IN: contextvars.ContextVar[Node | None] = contextvars.ContextVar("lives_in", default=None)
_WAKE_S = 0.005  # a worker in another process hears of a task so much later


class Crash(BaseException):  # no Exception: nothing in the product may catch it
    """The process is dead: whoever runs stops here."""


class Board:
    """The dispatcher of a node: its own workers first; those outside hear that there is work."""

    def __init__(self, own: Workers, outside: Workers) -> None:
        self._own = own
        self._outside = outside
        self._loop = asyncio.get_running_loop()
        self._elsewhere = contextvars.copy_context()
        self.reserve = own.reserve
        self.give_back = own.give_back
        self.run = own.run
        self.interrupt = own.interrupt

    def wake(self, task: str) -> None:
        self._own.wake(task)
        self._loop.call_later(_WAKE_S, self._outside.wake, task, context=self._elsewhere)


class Node:
    """An engine and its workers on a store; everything they start dies with them."""

    def __init__(
        self,
        store: CrashableStore,
        clock: Clock,
        chance: Random,
        outside: Outside,
        board: Board,
        workers: Workers,
        crash: CrashAt | None,
        commit_s: float = 0,
        full: tuple[float, float] = (0, 0),
        engine: type[Engine] = Engine,
    ) -> None:
        durable, store = store, slow(store, commit_s, full, self.at)
        self.store = store
        self._durable = durable
        self.next_store: CrashableStore | None = None
        self._outside = outside
        self._crash = crash
        self._passed = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.dead = asyncio.get_running_loop().create_future()
        self.up = False
        self.workers = workers
        self.engine = engine(store, clock=clock, chance=chance, dispatcher=board, probe=self)

    def at(self, point: str) -> None:
        """The engine passes a named point: this may be where the process dies."""
        if self.dead.done():
            raise Crash(point)
        if self._crash is not None and self._crash.point == point:
            self._passed += 1
            if self._passed == self._crash.nth:
                self.die(f"crash {point}")
                raise Crash(point)

    def die(self, why: str) -> None:
        """Keep what the store has committed, and nothing else."""
        if self.dead.done():
            return
        self._outside.note(why)
        self.up = False
        self.workers.close()
        self.next_store = self._durable.crash()
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

    async def call(self, ask: Callable[[Engine], Awaitable[T]]) -> T:
        """Ask the engine from outside; NodeDiedError when there comes no answer."""
        if not self.up:
            raise NodeDiedError("The node is down.")
        task = self.spawn(_asking(ask, self.engine))
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
        raise NodeDiedError("The node died before it answered.")

    def owns(self, task: asyncio.Task[Any]) -> None:
        """Note a task that was started by this process."""
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # what a dead process raises is nobody's concern


class Line:
    """How workers in another process reach the node that is up."""

    def __init__(self) -> None:
        self.node: Node | None = None

    async def call(self, ask: Callable[[Engine], Awaitable[T]]) -> T:
        """Ask whoever is up."""
        if self.node is None:
            raise NodeDiedError("No node is up.")
        return await self.node.call(ask)

    async def poll(self, tasks: list[str], worker: str, limit: int) -> list[Assignment]:
        """Fetch work."""
        return await self.call(lambda engine: engine.poll(tasks, worker, limit))

    async def report(self, outcome: Outcome) -> bool:
        """Report an outcome."""
        return await self.call(lambda engine: engine.report(outcome))

    async def heartbeat(self, execution_id: str, ref: str, attempt: int) -> bool:
        """Give a sign of life."""
        return await self.call(lambda engine: engine.heartbeat(execution_id, ref, attempt))


async def _asking(ask: Callable[[Engine], Awaitable[T]], engine: Engine) -> T:
    return await ask(engine)


def task_factory(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """Makes tasks, and tells the process to which they belong."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    node = _LIVES_IN.get()
    if node is not None:
        node.owns(task)
    return task
