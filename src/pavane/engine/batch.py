"""One batch: load what its requests touch, decide, save in one transaction, then act."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable

from pavane.core.decide.decider import Decision, decide
from pavane.core.decide.draft import Rows
from pavane.core.decide.moving import move
from pavane.core.decide.plan import Plan
from pavane.core.model.command import (
    Begin,
    Command,
    Enter,
    Finished,
    Launch,
    Offer,
    StartChild,
    StartFailureWorkflow,
    Tell,
)
from pavane.core.model.fact import Admitted, KeyWanted, Launched, MoveRequested, Started
from pavane.core.model.rows import Key
from pavane.engine import children, points
from pavane.engine.children import Holder
from pavane.engine.foreseen import foreseen
from pavane.engine.gate import Gate
from pavane.engine.limits import Limits
from pavane.engine.links import Links
from pavane.engine.placing import Placing
from pavane.engine.recent import Recent
from pavane.engine.registry import Registry
from pavane.engine.request import Request, unknown
from pavane.engine.work_set import OWN_COMMANDS, WorkSet
from pavane.errors import PavaneError
from pavane.ports.dispatcher import Dispatcher
from pavane.ports.probe import Probe
from pavane.ports.store import Bound, Store, Unit

_LOG = logging.getLogger("pavane.engine")

_ROUNDS_MAX = 10_000  # loads for one batch: a bound, far above what any plan asks for


class Batch:
    """The requests of one transaction and everything that follows from them."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        recent: Recent,
        dispatcher: Dispatcher,
        limits: Limits,
        gate: Gate,
        probe: Probe,
    ) -> None:
        self._store = store
        self._registry = registry
        self._recent = recent
        self._limits = limits
        self._placing = Placing(dispatcher, limits)
        self.gate = gate
        self._probe = probe
        self.work: dict[str, WorkSet] = {}
        self.requests: list[Request] = []
        self.lost: list[Request] = []  # to be tried again
        self.offered = self._placing.offered
        self._links = Links()
        self._agenda: deque[Request] = deque()
        # What follows from decisions, in the order in which it was decided: before anything else,
        # but never a child's stop before its start.
        self._following: deque[Request] = deque()
        self._settled: Callable[[Collection[str] | None], Awaitable[None]]
        self._broken: dict[str, BaseException] = {}
        self._begun: dict[tuple[str, str], str] = {}  # who has a start key since this batch

    # --- load and decide ------------------------------------------------------------------------

    async def known_keys(self, requests: list[Request]) -> tuple[list[Request], list[Request]]:
        """Answers starts whose key is taken; returns what is to be decided now, and later."""
        pairs = {r.header.start_key for r in requests if r.header is not None and r.header.key}
        if not pairs:
            return requests, []
        taken = await self._store.find_keys(sorted(pairs))
        fresh: list[Request] = []
        later: list[Request] = []
        for request in requests:
            header = request.header
            if header is None or not header.key:
                fresh.append(request)
            elif header.start_key in taken:
                request.result = taken[header.start_key]
                request.answer()
            elif header.start_key in self._begun:
                later.append(request)  # it will find the one that begins in this batch
            else:
                self._begun[header.start_key] = header.id
                fresh.append(request)
        return fresh, later

    async def decide(
        self,
        requests: Iterable[Request],
        now: int,
        settled: Callable[[Collection[str] | None], Awaitable[None]],
    ) -> None:
        """Fold all facts; afterwards every request has its result or its error.

        `settled` waits until no commit is under way for any of the executions, or for any at all.
        """
        self._settled = settled
        self.requests = list(requests)
        self._agenda.extend(self.requests)
        await self._load(foreseen(self.requests, self._registry))
        self._probe.at(points.ROWS_LOADED)
        for _ in range(_ROUNDS_MAX):
            wants = await self._fold(now)
            if not wants:
                return
            await self._load(wants)
        raise AssertionError("a decision keeps asking for rows")

    async def _load(self, wants: dict[str, set[Key]]) -> None:
        await self._settled(wants.keys())
        for execution_id in list(wants):
            missing = self._from_recent(execution_id, wants[execution_id])
            if missing is not None:
                wants[execution_id] = missing
                if not missing:
                    del wants[execution_id]
        if not wants:
            return
        for execution_id, loaded in (await self._store.load(wants)).items():
            work = self.work.get(execution_id)
            if work is None:
                work = self.work[execution_id] = WorkSet(execution_id, None, None)
            work.take(loaded)
            if work.rows is not None and work.plan is None:
                header = work.rows.header
                work.plan = await self._registry.plan(header.definition)
                self._registry.remember(execution_id, header.definition)

    def _from_recent(self, execution_id: str, keys: set[Key]) -> set[Key] | None:
        """What of the keys is still to be loaded; None when the execution is not at hand."""
        if execution_id in self.work:
            return None
        kept = self._recent.take(execution_id)
        if kept is None:
            return None
        work = self.work[execution_id] = WorkSet(execution_id, kept[0].header, kept[1])
        work.rows = kept[0]
        work.remembered = self._store.members is not None
        return work.lacks(keys)

    async def _fold(self, now: int) -> dict[str, set[Key]]:
        """Decide as far as the rows at hand go; returns what is missing for the rest."""
        wants: dict[str, set[Key]] = {}
        waiting: deque[Request] = deque()
        while self._following or self._agenda:
            request = (self._following or self._agenda).popleft()
            if request.execution_id in wants:
                waiting.append(request)  # facts of one execution keep their order
                continue
            missing = await self._one(request, now)
            if missing is not None:
                wants[request.execution_id] = missing
                waiting.append(request)
        self._agenda = waiting
        return wants

    async def _one(self, request: Request, now: int) -> set[Key] | None:
        """One fact: its decision applied, or the keys that it still needs."""
        work = await self._work_of(request)
        if work is None:
            return set()
        if work.rows is None or work.plan is None:
            request.error = unknown(request.execution_id)
            return None
        if work.stale:
            return None  # it is decided anew, with all that it belongs to
        try:
            found = await self._decided(work, work.plan, request, now)
        except Exception as error:  # noqa: BLE001 - one execution drops out alone
            self._not_decided(work, request, error)
            return None
        if isinstance(found, set):
            return found
        target, decision, passes = found
        if not decision.accepted and work.remembered:
            work.stale = True  # too late for whom, is for the newest rows to say
            return None
        request.result = passes and self._limits.admit(work, request.fact, decision)
        if request.result:
            if target is not work.plan:
                work.plan = target
                self._registry.remember(work.id, target.hash)
            if request.told is not None:
                told, ref, attempt = request.told
                self._following.append(Request(told, Launched(ref, attempt, work.id)))
            await self._apply(work, decision, now)
        return None

    async def _decided(
        self, work: WorkSet, plan: Plan, request: Request, now: int
    ) -> tuple[Plan, Decision, bool] | set[Key]:
        """The decision, the plan that holds from then on, and whether the gate lets it pass."""
        assert work.rows is not None
        while True:
            target = plan
            if isinstance(request.fact, MoveRequested):
                target = await self._registry.plan(request.fact.definition)
                decision = move(plan, target, work.rows, now)
            else:
                decision = decide(plan, work.rows, request.fact, now)
            if isinstance(decision, Decision):
                return target, decision, await self.gate.passes(decision, target, request.fact)
            missing = work.lacks(decision.keys)
            if missing:
                return missing

    def _not_decided(self, work: WorkSet, request: Request, error: Exception) -> None:
        if work.remembered:
            work.stale = True  # perhaps it can be, on the newest rows
        elif isinstance(error, PavaneError):
            self._refuse(request, error)
        else:
            _LOG.error(
                "%s cannot be decided: %s", request.execution_id, request.fact, exc_info=error
            )
            request.error = error
            self._broken[request.execution_id] = error

    def _refuse(self, request: Request, error: PavaneError) -> None:
        """Nothing comes of a fact; where it was a start, nothing of that execution is left."""
        request.error = error
        header = request.header
        if header is not None:
            self.work.pop(header.id, None)
            if self._begun.get(header.start_key) == header.id:
                del self._begun[header.start_key]
        if header is not None or isinstance(request.fact, KeyWanted):
            self._following.extend(children.refused(request, error))

    async def _work_of(self, request: Request) -> WorkSet | None:
        """The execution's rows; a new one begins with a header of its own. None: load it first."""
        work = self.work.get(request.execution_id)
        if work is None and request.header is not None:
            work = WorkSet(request.execution_id, None, None)
            self.work[request.execution_id] = work
            work.rows = Rows(header=request.header)
            work.plan = await self._registry.plan(request.header.definition)
            self._registry.remember(request.execution_id, request.header.definition)
        return work

    # --- what follows from a decision -----------------------------------------------------------

    async def _apply(self, work: WorkSet, decision: Decision, now: int) -> None:
        work.apply(decision)
        following: list[Request] = []
        for command in decision.commands:
            if type(command) in OWN_COMMANDS:  # by far the most
                work.note(command, now)
                if isinstance(command, Offer):
                    self._placing.place(work, command, now)
            elif isinstance(command, Enter):
                work.note(self.gate.in_line(command, now), now)
                if self.gate.has_place(work.id):
                    following.append(Request(work.id, Admitted(command.queue)))
            elif isinstance(command, Finished):
                work.finished = True
            elif isinstance(command, Tell):
                self._links.join(work.id, command.execution_id)
                following.append(Request(command.execution_id, command.fact))
            else:
                following += await self._starting(work, command, now)
        if following:
            self._following.extend(following)

    async def _starting(self, work: WorkSet, command: Command, now: int) -> list[Request]:
        """Executions that an execution starts."""
        if isinstance(command, StartChild):
            self._links.join(work.id, command.child_id)
            return [await children.child(self._registry, work, command)]
        if isinstance(command, Begin):
            self._links.join(work.id, command.header.id)
            begin = Started(input=command.input)
            return [Request(command.header.id, begin, header=command.header)]
        if isinstance(command, Launch):
            holder = await self._holder_of(command, now)
            self._links.join(work.id, holder.id or command.execution_id)
            return await children.launched(self._registry, work, command, holder)
        if isinstance(command, StartFailureWorkflow):
            self._links.join(work.id, command.child_id)
            return await children.failure_workflow(self._registry, work, command)
        raise AssertionError(f"nobody carries out {command}")

    async def _holder_of(self, command: Launch, now: int) -> Holder:
        """The execution that has the start key, in this batch or before it."""
        if not command.key:
            return Holder()
        key = (command.name, command.key)
        for request in [r for r in self._agenda if r.execution_id == self._begun.get(key)]:
            self._agenda.remove(request)  # that one first: it may be refused
            await self._one(request, now)
        if key in self._begun:
            return Holder(self._begun[key], begins=True)
        await self._settled(None)
        holder = Holder((await self._store.find_keys([key])).get(key, ""))
        if not holder.id or command.if_exists == "fail_if_running":
            self._begun[key] = command.execution_id
        return holder

    # --- save -----------------------------------------------------------------------------------

    async def commit(self, now: int) -> list[WorkSet]:
        """Write everything in one transaction; returns the executions that won."""
        units: list[Unit] = []
        members: list[list[WorkSet]] = []
        for group in self._links.groups(self.work.values()):
            if any(work.stale for work in group):
                self._lose(group)
                continue
            broken = next((self._broken[w.id] for w in group if w.id in self._broken), None)
            if broken is None:
                try:
                    units.append(Unit([work.change(now) for work in group], self._bounds(group)))
                    members.append(group)
                    continue
                except Exception as error:  # noqa: BLE001 - it drops out alone, before BEGIN
                    _LOG.exception("%s cannot be written", group[0].id)
                    broken = error
            self._drop(group, broken)
        lost = await self._store.commit(units) if units else set[int]()
        for index in lost:
            self._lose(members[index])
        await self.gate.look({bound.name for index in lost for bound in units[index].bounds})
        won = [work for i, group in enumerate(members) if i not in lost for work in group]
        for work in won:
            if work.rows is not None and work.plan is not None:
                self._recent.keep(work.rows, work.plan)
        return won

    def give_back_all(self) -> None:
        """Nothing was written: no reserved place is needed."""
        self._placing.give_back(self.work.values())
        self.gate.give_back()

    def _bounds(self, group: list[WorkSet]) -> list[Bound]:
        places = [place for work in group for place in work.places]
        found = self._limits.bounds(places) if places else []
        if self.gate.promised:
            found += self.gate.bounds(work.id for work in group)
        return found

    def _drop(self, group: list[WorkSet], error: BaseException) -> None:
        ids = {work.id for work in group}
        for request in self.requests:
            if request.execution_id in ids and request.error is None:
                request.error = error
        self._placing.give_back(group)

    def _lose(self, group: list[WorkSet]) -> None:
        ids = {work.id for work in group}
        for request in self.requests:
            if request.execution_id in ids:
                request.error = None
                self.lost.append(request)
        for work in group:
            self._recent.forget(work.id, was_stale=work.remembered)
        self._placing.give_back(group)
