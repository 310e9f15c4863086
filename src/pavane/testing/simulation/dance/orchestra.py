"""The same case with a conductor: the engine on the memory store, in virtual time, no faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import msgspec

from pavane.adapters.memory.store import MemoryStore
from pavane.core.model import fact as facts
from pavane.core.model.work import Assignment
from pavane.core.model.workflow import Workflow
from pavane.engine.engine import Engine
from pavane.engine.views.reader import Reader
from pavane.engine.views.shapes import ExecutionView
from pavane.errors import PavaneError
from pavane.ports.store import Search
from pavane.testing.simulation.clock import VirtualClock
from pavane.testing.simulation.dance.hands import StageHands
from pavane.testing.simulation.dance.played import Lost, Played, Run, standing
from pavane.testing.simulation.dance.script import Place
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.workers import Hands, Source, Workers

LIMIT_S = 600.0
_REST_S = 60.0  # after the end, for what is late
_PLACES = 50
_LOOK_S = 86_400.0  # nobody sets this clock, so that a wait of months costs next to nothing


Learn = Callable[[str], Awaitable[None]]


class _Losing(StageHands):
    """The process dies with some of the attempts, once, before they do anything."""

    def __init__(
        self,
        outside: Outside,
        run: Run,
        place: Callable[[Assignment], str],
        lost: Collection[Lost],
        gone: Callable[[Assignment], Awaitable[object]],
        learn: Learn,
    ) -> None:
        super().__init__(outside, run.script, place)
        self._lost = set(lost)
        self._gone = gone
        self._learn = learn

    async def work(self, given: Assignment, source: Source, stop: asyncio.Event) -> None:
        """As scripted, unless the attempt is to be lost."""
        await self._learn(given.execution_id)
        known = self.known(given)
        attempt = Lost(Place(known.execution_id, known.ref), known.attempt)
        if attempt in self._lost:
            self._lost.remove(attempt)
            await self._gone(given)
        else:
            await super().work(given, source, stop)


MakeHands = Callable[[Outside, Callable[[Assignment], str], Learn], Hands]
"""Hands that know the place of an assignment, once they have learned of its execution by id."""


async def orchestrate(
    run: Run,
    seed: int,
    lost: Collection[Lost] = (),
    *,
    make_hands: MakeHands | None = None,
    stop_after_s: float | None = None,
    attend: Callable[[Engine], Coroutine[Any, Any, None]] | None = None,
    limit_s: float = LIMIT_S,
) -> Played:
    """Play one run to its end, or for `limit_s`; what it leaves.

    `lost` attempts die with a process; an operator cancels after `stop_after_s`; whoever `attend`s
    answers what waits.
    """
    clock = VirtualClock()
    outside, store = Outside(clock), MemoryStore()
    by_name = scope_paths(run.drawn.workflow)
    names: dict[str, str] = {}

    def place(given: Assignment) -> str:
        return names.get(given.execution_id) or by_name.get(given.workflow, given.workflow)

    async def gone(given: Assignment) -> None:
        fact = facts.Returned(given.ref, given.attempt)
        await engine._submit(given.execution_id, fact)  # pyright: ignore[reportPrivateUsage]  # a restart does so

    learn = partial(_learn, Reader(store), names)
    if make_hands is not None:
        hands = make_hands(outside, place, learn)
    else:
        hands = _Losing(outside, run, place, lost, gone, learn)
    tasks = frozenset(task.name for task in run.drawn.tasks)
    workers = Workers(hands, tasks, _PLACES, "local/crew")
    engine = Engine(
        store,
        clock=clock,
        chance=Random(seed),
        dispatcher=workers,
        look_s=_LOOK_S,
    )
    workers.start(engine)
    await engine.start()
    if attend is not None:
        engine.tell_of_event_waits(lambda queue: None)  # whoever attends brings the events
    workflow = as_orchestrated(run.drawn.workflow)
    others = [as_orchestrated(each) for each in run.drawn.others]
    await engine.register([workflow, *others], run.drawn.tasks)
    running = asyncio.get_running_loop()
    attending = running.create_task(attend(engine)) if attend is not None else None
    id = await engine.start_execution(workflow.name, msgspec.json.encode(run.input), key=run.key)
    stopping = running.create_task(_stop(engine, id, stop_after_s))
    ended = running.create_task(engine.wait(id))
    watched = {ended, attending} if attending is not None else {ended}
    await asyncio.wait(watched, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    stopping.cancel()
    if attending is not None:
        if attending.done():
            attending.result()  # raises what went wrong
        attending.cancel()
    await asyncio.sleep(_REST_S)
    views = await _views(store)
    await engine.stop()
    workers.close()
    for task in workers.running:
        task.cancel()
    return Played(views.get(""), views, standing(outside), outside.record, outside.notes)


async def _learn(reader: Reader, names: dict[str, str], id: str) -> None:
    """The name of a scope says in which iteration it is."""
    if id not in names:
        view = await reader.execution(id)
        names[id] = ""
        if view.parent_id:
            await _learn(reader, names, view.parent_id)
            names[id] = _below(names[view.parent_id], view.parent_ref)


async def _stop(engine: Engine, id: str, after_s: float | None) -> None:
    if after_s is not None:
        await asyncio.sleep(after_s)
        with suppress(PavaneError):  # it has ended, or is past its pivot
            await engine.terminate(id, "enough")


def as_orchestrated(workflow: Workflow) -> Workflow:
    """The definition for the engine; nothing else in it changes."""
    return msgspec.structs.replace(workflow, style="orchestrated")


def scope_paths(workflow: Workflow) -> dict[str, str]:
    """By the name of each scope its path; names are unique in these definitions."""
    found = {workflow.name: ""}
    ahead = [(workflow, "")]
    for current, path in ahead:
        steps = list(current.tasks)
        for step in steps:  # the list grows while it is read
            for inner in step.inner:
                steps += inner
            param = step.sub_workflow_param
            if param is not None and param.workflow_definition is not None:
                below = f"{path}/{step.ref}" if path else step.ref
                found[param.workflow_definition.name] = below
                ahead.append((param.workflow_definition, below))
    return found


async def _views(store: MemoryStore) -> dict[str, ExecutionView]:
    """The execution and its scopes, by path."""
    reader = Reader(store)
    lines = await reader.executions(Search(limit=1000))
    views = {line.id: await reader.execution(line.id) for line in lines}

    def path(id: str) -> str:
        view = views[id]
        if not view.parent_id:
            return ""
        return _below(path(view.parent_id), view.parent_ref)

    return {path(id): view for id, view in views.items()}


def _below(outer: str, parent_ref: str) -> str:
    ref = parent_ref.rpartition("#")[0]
    return f"{outer}/{ref}" if outer else ref
