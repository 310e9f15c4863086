"""One process: an engine with its workers, which dies at a named point and is seen no more."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from pavane.core.model.work import Assignment, Outcome
from pavane.engine.engine import Engine
from pavane.ports.clock import Clock
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.process import Process
from pavane.testing.simulation.slow_store import CrashableStore, slow
from pavane.testing.simulation.workers import NodeDiedError, Workers

T = TypeVar("T")

_WAKE_S = 0.005  # a worker in another process hears of a task so much later


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


class Node(Process):
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
        super().__init__(outside, crash)
        durable, store = store, slow(store, commit_s, full, self.at)
        self.store = store
        self._durable = durable
        self.next_store: CrashableStore | None = None
        self.workers = workers
        self.engine = engine(store, clock=clock, chance=chance, dispatcher=board, probe=self)

    def fall(self) -> None:
        """Keep what the store has committed, and nothing else."""
        self.workers.close()
        self.next_store = self._durable.crash()

    async def call(self, ask: Callable[[Engine], Awaitable[T]]) -> T:
        """Ask the engine from outside; NodeDiedError when there comes no answer."""
        if not self.up:
            raise NodeDiedError("The node is down.")
        return await self.answer(_asking(ask, self.engine))


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
