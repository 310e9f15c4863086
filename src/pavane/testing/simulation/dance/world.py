"""Plays a case in virtual time: services live and die, messages travel, workers work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast

import msgspec

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.core.model import status as st
from pavane.core.model.event import Outgoing
from pavane.core.model.work import Assignment
from pavane.core.model.workflow import Workflow
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.core.projection.message import (
    START,
    STOP,
    Message,
    child_execution,
    execution_of,
)
from pavane.core.projection.reading import read_choreography
from pavane.core.projection.wire import Envelope, to_event
from pavane.engine.views.shapes import ExecutionView
from pavane.observer.observer import Observer
from pavane.participant.requests import Requests
from pavane.participant.retention import Retention
from pavane.participant.roles.turns import DancerMaker
from pavane.ports.bus import role_topic
from pavane.ports.ledger import Record
from pavane.testing.simulation import loop
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.dance.case import DanceCase
from pavane.testing.simulation.dance.hands import StageHands
from pavane.testing.simulation.dance.instances import instances, lost_attempts
from pavane.testing.simulation.dance.network import Delivered, Network
from pavane.testing.simulation.dance.played import Played, Run, standing
from pavane.testing.simulation.dance.script import Place, Script
from pavane.testing.simulation.dance.service import ServiceProcess
from pavane.testing.simulation.outside import Outside, Seen
from pavane.testing.simulation.process import task_factory
from pavane.testing.simulation.workers import Hands, Workers

LIMIT_S = 600.0  # of virtual time; then whatever is open waits for somebody
_LOOKS_S = 5.0
_REST_S = 60.0  # after the last end, for what is late
_LIVES = 2.5  # times what is kept: first the home forgets, then the others, with their rounds
_PLACES = 50
_ITERATIONS = 3  # of a loop, to begin with: more are looked at where there are more
_LOG_MAX = 1_000_000
_OVER = st.ENDED | {st.NEEDS_ATTENTION}


class Danced(msgspec.Struct):
    """What a case leaves behind."""

    runs: dict[str, Played]  # by key
    logs: dict[str, list[Record]]  # of each service
    aside: dict[str, list[str]]  # of each service: kind and reason of what nobody could handle
    parked: int  # messages that waited for a version
    counts: dict[str, int]  # what the network did
    delivered: list[Delivered]
    record: list[Seen]
    notes: list[tuple[int, str]]
    messages: int
    remember: dict[str, list[str]]  # by key: the services that still have something of the run


def dance(
    case: DanceCase, dancer: DancerMaker = Dancer, forgetting: type[Retention] = Retention
) -> Danced:
    """Play a case."""
    world = DanceWorld(case, dancer, forgetting)
    return loop.run(world.run(), seed=case.seed, shuffle=case.shuffle)


class DanceWorld:
    """The stage of one case."""

    looks_s = _LOOKS_S

    def __init__(
        self,
        case: DanceCase,
        dancer: DancerMaker = Dancer,
        forgetting: type[Retention] = Retention,
    ) -> None:
        self._case = case
        self._dancer = dancer
        self._forgetting = forgetting
        self._choreographies = {run.key: _choreography(run) for run in case.runs}
        self._ids = {run.key: execution_of(run.drawn.workflow.name, run.key) for run in case.runs}
        self._iterations = _ITERATIONS
        self._places: dict[str, str] = {}
        turns = {
            Place(f"{run.key}:{place.scope}", place.ref): turns
            for run in case.runs
            for place, turns in run.script.turns.items()
        }
        self._script = Script(turns)
        self._tasks = {task.name: task for run in case.runs for task in run.drawn.tasks}
        self._up: dict[str, ServiceProcess] = {}
        self._parked = 0

    async def run(self) -> Danced:
        """Play the case to its end."""
        case = self._case
        running = asyncio.get_running_loop()
        running.set_task_factory(cast(Any, task_factory))  # coroutines are all that we start
        self._clock = VirtualClock()
        self._outside = Outside(self._clock)
        self._hands = self.hands(self._outside, self._place)
        self._network = Network(case.weather, Random(f"network {case.seed}"))
        self._desk = self._network.connect()
        await self._desk.open()
        observer = Observer(self._desk, self._clock)
        await observer.start()
        roles = sorted({role for each in self._choreographies.values() for role in each.roles})
        others = [running.create_task(self._keep_up(role)) for role in roles]
        asked = [running.create_task(self._start(run)) for run in case.runs]
        asked += [running.create_task(self._stop(stop.key, stop.at_s)) for stop in case.stops]
        others.append(running.create_task(self.attend(observer)))
        await self._play(observer, others, asked)
        found = await self._collect(observer, roles)
        await self._end(observer, others)
        return found

    def hands(self, outside: Outside, place: Callable[[Assignment], str]) -> Hands:
        """Who does the work."""
        return StageHands(outside, self._script, place)

    async def attend(self, observer: Observer) -> None:
        """Whoever answers what waits: nobody."""

    def goes_on(self) -> bool:
        """Whether to look on, where something is still open."""
        return asyncio.get_running_loop().time() < LIMIT_S

    def requests(self) -> Requests:
        """What people ask of the runs."""
        return Requests(
            self._desk, self._clock, {each.name: each for each in self._choreographies.values()}
        )

    def _place(self, given: Assignment) -> str:
        while given.execution_id not in self._places:
            if self._places:
                self._iterations *= 2
            self._places = {
                child_execution(self._ids[key], path, generation): f"{key}:{name}"
                for key, choreography in self._choreographies.items()
                for path, generation, name in instances(choreography, self._iterations)
            }
        return self._places[given.execution_id]

    # --- the course of things -------------------------------------------------------------------

    async def _play(
        self,
        observer: Observer,
        others: list[asyncio.Task[None]],
        asked: list[asyncio.Task[None]],
    ) -> None:
        quiet_s, rest_s = 0.0, _REST_S + _LIVES * self._case.keep_s
        while quiet_s < rest_s and self.goes_on():
            await asyncio.sleep(self.looks_s)
            for task in (*others, *asked):
                if task.done():
                    task.result()  # raises what went wrong
            statuses = [observer.views.status(id) for id in self._ids.values()]
            done = all(task.done() for task in asked) and all(s in _OVER for s in statuses)
            quiet_s = quiet_s + self.looks_s if done else 0.0

    async def _end(self, observer: Observer, others: list[asyncio.Task[None]]) -> None:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for process in self._up.values():
            process.die("end")
            await process.bury()
        await observer.close()
        await self._desk.close()

    async def _start(self, run: Run) -> None:
        await asyncio.sleep(run.at_s)
        body = msgspec.json.encode(run.input)
        home = self._choreographies[run.key].root.home
        values = (("input", (), body),)
        message = Message(START, home, "", values=values, source=run.key)
        await self._tell(run.key, message)
        if self._case.twice:
            await asyncio.sleep(0.5)
            await self._tell(run.key, message)

    async def _stop(self, key: str, at_s: float) -> None:
        await asyncio.sleep(at_s)
        home = self._choreographies[key].root.home
        self._outside.note(f"stop {key}")
        await self._tell(key, Message(STOP, home, "", reason="enough"))

    async def _tell(self, key: str, message: Message) -> None:
        choreography = self._choreographies[key]
        envelope = Envelope(self._ids[key], choreography.name, choreography.hash, message)
        out = Outgoing(role_topic(message.to), self._ids[key], to_event(envelope))
        while True:
            try:
                await self._desk.publish([out])
                return
            except Exception:  # noqa: BLE001  # whoever asks does so until it is through
                await asyncio.sleep(0.2)

    # --- processes ------------------------------------------------------------------------------

    async def _keep_up(self, role: str) -> None:
        """One process of a service after the other, each on what the last one left."""
        ahead = list(self._case.crashes.get(role, ()))
        ledger = MemoryLedger()
        running = asyncio.get_running_loop()
        while True:
            crash = ahead.pop(0) if ahead else None
            process = self._boot(role, ledger, crash)
            work = process.spawn(self._live(process))
            killer = None
            if crash is not None and not crash.point:
                killer = running.call_later(crash.after_s, process.die, "crash anywhere")
            await asyncio.wait({work, process.dead}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() and not process.dead.done():
                work.result()
            await process.dead
            if killer is not None:
                killer.cancel()
            await process.bury()
            assert process.next_ledger is not None
            ledger = process.next_ledger
            await asyncio.sleep(crash.down_s if crash is not None else 1.0)

    def _boot(self, role: str, ledger: MemoryLedger, crash: Any) -> ServiceProcess:
        clock = VirtualClock()
        clock.step(self._case.skew_ms.get(role, 0))
        mine = frozenset(task.name for task in self._tasks.values() if task.service == role)
        now = asyncio.get_running_loop().time()
        learns = self._case.learns_s
        known = [c for key, c in self._choreographies.items() if learns.get((role, key), 0) <= now]
        process = ServiceProcess(
            role,
            ledger,
            self._network.connect(),
            clock,
            Workers(self._hands, mine, _PLACES, f"{role}/crew"),
            known,
            self._outside,
            crash,
            self._case.commit_s,
            self._dancer,
            self._case.keep_s,
            self._forgetting,
        )
        self._up[role] = process
        return process

    async def _live(self, process: ServiceProcess) -> None:
        await process.start()
        learning = asyncio.get_running_loop().create_task(self._learn(process))
        pruning = asyncio.get_running_loop().create_task(process.retention.run())
        pruning.add_done_callback(_raised)
        await process.failed()
        await learning

    async def _learn(self, process: ServiceProcess) -> None:
        """New versions reach this service later than others."""
        later = [
            (at, key) for (role, key), at in self._case.learns_s.items() if role == process.name
        ]
        for at_s, key in sorted(later):
            wait_s = at_s - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._parked += len(await process.participant.ledger.aside("parked", 1000))
            await process.participant.register([self._choreographies[key]])

    # --- the end --------------------------------------------------------------------------------

    async def _collect(self, observer: Observer, roles: list[str]) -> Danced:
        logs: dict[str, list[Record]] = {}
        aside: dict[str, list[str]] = {}
        for role in roles:
            ledger = self._up[role].participant.ledger
            logs[role] = await ledger.log_after(0, _LOG_MAX)
            left = await ledger.aside(None, 1000)
            aside[role] = [f"{each.kind}: {each.reason}" for each in left]
        outside = self._outside
        runs = {run.key: self._played(run, observer, logs) for run in self._case.runs}
        return Danced(
            runs,
            logs,
            aside,
            self._parked,
            dict(self._network.counts),
            self._network.delivered,
            outside.record,
            outside.notes,
            sum(not r.out.topic.endswith("journal") for log in logs.values() for r in log),
            await self._remember(roles),
        )

    async def _remember(self, roles: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {key: [] for key in self._ids}
        for role in roles:
            ids = list(self._ids.values())
            loaded = await self._up[role].participant.ledger.load(dict.fromkeys(ids, ()))
            for key, id in self._ids.items():
                if loaded[id].revision:
                    found[key].append(role)
        return found

    def _played(self, run: Run, observer: Observer, logs: dict[str, list[Record]]) -> Played:
        root, choreography = self._ids[run.key], self._choreographies[run.key]
        views: dict[str, ExecutionView] = {}
        more = True
        while more:  # the last of so many iterations was there: there may be others
            more = False
            for path, generation, name in instances(choreography, self._iterations):
                id = child_execution(root, path, generation)
                if name not in views and observer.views.knows(id):
                    views[name] = observer.execution(id)
                    more = more or self._iterations in generation
            self._iterations *= 2 if more else 1
        stands = standing(self._outside, f"{run.key}:")
        record = [
            seen._replace(execution_id=seen.execution_id.removeprefix(f"{run.key}:"))
            for seen in self._outside.record
            if seen.execution_id.startswith(f"{run.key}:")
        ]
        lost = lost_attempts(logs, root, choreography)
        return Played(views.get(""), views, stands, record, self._outside.notes, lost)


def _raised(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.result()


def _choreography(run: Run) -> Choreography:
    tasks = {task.name: task for task in run.drawn.tasks}

    def find(name: str, version: int | None) -> Workflow | None:
        fitting = [w for w in run.drawn.others if w.name == name and version in (None, w.version)]
        return max(fitting, key=lambda each: each.version, default=None)

    return read_choreography(run.drawn.workflow, tasks, find)
