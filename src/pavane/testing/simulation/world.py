"""Runs a case in virtual time: nodes live and die, workers work, people ask; gives its trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast

from pavane.engine.engine import Engine
from pavane.errors import StoreFullError
from pavane.ports.store import Search
from pavane.testing.simulation import loop
from pavane.testing.simulation.case import Case, CrashAt
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.node import Board, Line, Node
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.people import People
from pavane.testing.simulation.process import task_factory
from pavane.testing.simulation.scripts import Scripts
from pavane.testing.simulation.slow_store import CrashableStore
from pavane.testing.simulation.trace import Trace, collect
from pavane.testing.simulation.workers import Hands, Workers

LIMIT_S = 900.0  # of virtual time; then whatever is open counts as stuck
_REST_S = 35.0  # after the last end, for what is still being closed
_LOOKS_S = 4.0
_DOWN_S = 1.0  # after a start that failed


def simulate(
    case: Case, store: Callable[[], CrashableStore], engine: type[Engine] = Engine
) -> Trace:
    """Run a case on a new store and return what happened."""
    return loop.run(World(case, store(), engine).run(), seed=case.seed, shuffle=case.shuffle)


class World:
    """The stage of one case."""

    def __init__(self, case: Case, store: CrashableStore, engine: type[Engine]) -> None:
        self._case = case
        self._store = store
        self._engine = engine
        self._chance = Random(f"ids {case.seed}")
        self._line = Line()

    async def run(self) -> Trace:
        """Play the case to its end."""
        case = self._case
        running = asyncio.get_running_loop()
        running.set_task_factory(cast(Any, task_factory))  # coroutines are all that we start
        self._clock = VirtualClock()
        self._outside = Outside(self._clock)
        self._hands = Hands(self._outside, Scripts(case.seed, case.mood))
        self._crew = Workers(
            self._hands, case.outside, case.places, "remote/crew", case.late_crew_s
        )
        people = People(case, self._line, self._outside)
        self._crew.start(self._line)
        nodes = running.create_task(self._keep_up())
        clients = [running.create_task(people.start(i, s)) for i, s in enumerate(case.starts)]
        clients += [running.create_task(people.ask(ask)) for ask in case.asks]
        others = [nodes, running.create_task(self._crew.look_often())]
        if not case.absent_people:
            others.append(running.create_task(people.look_after()))
        await self._play(clients, others)
        assert self._line.node is not None
        return await collect(case, self._line.node.store, self._outside, self._clock.now())

    async def _play(self, clients: list[asyncio.Task[None]], others: list[asyncio.Task[None]]):
        quiet_s = 0.0
        while quiet_s < _REST_S and asyncio.get_running_loop().time() < LIMIT_S:
            await asyncio.sleep(_LOOKS_S)
            for task in others:
                if task.done():
                    task.result()  # raises what went wrong
            done = all(task.done() for task in clients) and await self._all_ended()
            quiet_s = quiet_s + _LOOKS_S if done else 0.0
        self._crew.close()
        for task in (*clients, *others, *self._crew.running):
            task.cancel()
        found = await asyncio.gather(*clients, *others, return_exceptions=True)
        for error in found:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error
        while self._line.node is None or not self._line.node.up:
            raise AssertionError("no node is up at the end")

    async def _all_ended(self) -> bool:
        node = self._line.node
        if node is None or not node.up:
            return False
        wanted = Search(statuses=("RUNNING", "PAUSED", "COMPENSATING", "NEEDS_ATTENTION"), limit=1)
        async with node.store.snapshot() as seen:
            return not await seen.search(wanted)

    # --- nodes ----------------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        """One node after the other, each on what the last one left."""
        ahead = list(self._case.crashes)
        while True:
            crash = ahead.pop(0) if ahead else None
            node = self._boot(crash)
            self._line.node = node
            starting = node.spawn(self._start(node))
            killer = None
            if crash is not None and not crash.point:
                killer = asyncio.get_running_loop().call_later(
                    crash.after_s, node.die, "crash anywhere"
                )
            await asyncio.wait({starting, node.dead}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not node.dead.done():
                starting.result()
            await node.dead
            if killer is not None:
                killer.cancel()
            await node.bury()
            assert node.next_store is not None
            self._store = node.next_store
            await asyncio.sleep(crash.down_s if crash is not None else _DOWN_S)

    def _boot(self, crash: CrashAt | None) -> Node:
        case = self._case
        inside = frozenset(task.name for task in case.tasks) - case.outside
        workers = Workers(self._hands, inside, case.places, "local/crew", case.late_crew_s)
        return Node(
            self._store,
            self._clock,
            self._chance,
            self._outside,
            Board(workers, self._crew),
            workers,
            crash,
            case.commit_s,
            case.full,
            self._engine,
        )

    async def _start(self, node: Node) -> None:
        """As `bootstrap.running_engine`: workers, engine, definitions, a look at what waits."""
        node.workers.start(node.engine)
        try:
            await node.engine.start()
        except StoreFullError as error:  # as a server that cannot start: somebody tries again
            node.die(f"no start: {error.code}")
            return
        await node.engine.register(self._case.workflows, self._case.tasks)
        if node.dead.done():
            return
        self._outside.note("up")
        node.up = True
        node.workers.look()
        for task in self._case.tasks:
            node.workers.wake(task.name)
