"""Every way in which a conductor can play a small script: the pure core, all orders of all events.

Reports, retries, alarms, the operator's cancel and the death of processes may come at any moment at
which they are possible. Time is left out: an alarm may ring as soon as it is set. States that
differ only in times, texts and ids are one.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec

from pavane.core.decide import phases
from pavane.core.decide.decider import Decision, decide
from pavane.core.decide.draft import Rows
from pavane.core.decide.plan import compile_plan
from pavane.core.model import command, status
from pavane.core.model import fact as facts
from pavane.core.model.fact import Fact
from pavane.core.model.rows import Header, Ready, TaskRow
from pavane.core.model.workflow import Workflow
from pavane.errors import ConflictError
from pavane.testing.simulation.dance.orchestra import as_orchestrated
from pavane.testing.simulation.dance.played import Lost, Run
from pavane.testing.simulation.dance.script import Place
from tests.simulation.dance.states import State, Stored

_NOW = 1_767_225_600_000
_SHORT_MS = 30_000  # longer limits never matter in these cases
_UNDO = "undo:"


class Outcome(NamedTuple):
    """How a run can end."""

    status: str
    standing: frozenset[Place]


class TooManyError(Exception):
    """The case has more states than one wants to wait for."""


class Enumeration:
    """All outcomes of one run."""

    def __init__(
        self, run: Run, *, stops: int = 0, lost: Collection[Lost] = (), most: int = 60_000
    ) -> None:
        self._script = run.script
        self._tasks = {task.name: task for task in run.drawn.tasks}
        self._most = most
        self.states = 0
        self.outcomes: set[Outcome] = set()
        first = State()
        first.stops, first.lost = stops, frozenset(lost)
        workflow = as_orchestrated(run.drawn.workflow)
        inbox: deque[tuple[str, Fact]] = deque()
        body = msgspec.json.encode(run.input)
        self._create(first, inbox, "", workflow, body, "")
        self._drain(first, inbox)
        if stops:  # the cancel may come before anything has begun
            self.outcomes.add(Outcome(status.TERMINATED, frozenset()))
        self._explore(first)

    def _explore(self, first: State) -> None:
        seen = {first.key()}
        ahead = [first]
        while ahead:
            state = ahead.pop()
            self.states += 1
            if self.states > self._most:
                raise TooManyError(f"more than {self._most} states")
            ways = 0
            for new, counts in self._next(state):
                ways += counts
                key = new.key()
                if key not in seen:
                    seen.add(key)
                    ahead.append(new)
            if not ways:
                self._end(state)

    def _end(self, state: State) -> None:
        """Nothing more happens. A dancer waits for a late attempt, and need not undo a failed one.

        A conductor does not wait, and undoes it to be sure.
        """
        header = next(s for s in state.stored.values() if not s.path).header
        stands = frozenset(place for place, stands in state.effects.items() if stands)
        self.outcomes.add(Outcome(header.status, stands))
        if header.status == status.COMPENSATED and state.undone <= state.heard:
            self.outcomes.add(Outcome(header.cause, stands))

    # --- what may happen ------------------------------------------------------------------------

    def _next(self, state: State) -> Iterator[tuple[State, bool]]:
        """Each state that may follow; False: what happened is outside of the run."""
        for id, stored in state.stored.items():
            for ref, ready in stored.ready.items():
                if not ready.mark:
                    yield from ((new, True) for new in self._of_task(state, id, ref, ready))
            header = stored.header
            if header.deadline_at and header.status == status.RUNNING:
                free = self._before_pivot(state) if header.pivot else state
                if not free.stored[id].header.pivot:
                    yield self._told(free, id, facts.AlarmRang(), header.deadline_at), True
            if not stored.path and state.stops and header.status == status.RUNNING:
                new = self._stopped(state, id)
                if new is not None:
                    yield new, True
        for index, (id, fact) in enumerate(state.pending):
            if all(id != other for other, _ in state.pending[:index]):
                new = state.copied()
                new.pending = state.pending[:index] + state.pending[index + 1 :]
                self._tell(new, id, fact, _NOW)
                yield new, True
        for place in state.loose:
            new = state.copied()
            new.loose -= {place}
            new.take_effect(place)
            yield new, False

    def _before_pivot(self, state: State) -> State:
        """As it is before a pivot has asked: a dancer's asks its home, a conductor's is there."""
        for stored in state.stored.values():
            row = stored.tasks.get(stored.header.pivot)
            waits = row is not None and row.status == status.SCHEDULED and not row.attempt
            if row is None or row.type != "SIMPLE" or not waits or row.polls:
                continue
            new = state.copied()
            for id, around in state.stored.items():
                if not around.header.pivot_passed and stored.path.startswith(around.path):
                    free = new.stored[id] = around.copied()
                    free.header = copy.copy(around.header)
                    free.header.pivot = ""
            return new
        return state

    def _stopped(self, state: State, id: str) -> State | None:
        new = self._before_pivot(state).copied()
        new.stops -= 1
        try:
            self._tell(new, id, facts.TerminateRequested("enough"), _NOW)
        except ConflictError:
            return None
        return new

    def _of_task(self, state: State, id: str, ref: str, ready: Ready) -> Iterator[State]:
        stored = state.stored[id]
        row = stored.tasks[ref]
        if row.status not in status.OPEN:
            return
        if row.type != "SIMPLE":
            if ready.alarm_at and (row.type in ("WAIT", "HUMAN") or row.status == status.SCHEDULED):
                yield self._told(state, id, facts.AlarmRang(ref), ready.alarm_at)
        elif ref.startswith(_UNDO):
            yield self._undone(state, id, row)
        elif row.status == status.SCHEDULED:
            if stored.header.phase not in phases.ABORTING:
                fact = facts.Claimed(ref, row.attempt, "crew")
                yield self._told(state, id, fact, max(_NOW, row.visible_at))
        else:
            yield from self._of_held(state, id, row, ready)

    def _undone(self, state: State, id: str, row: TaskRow) -> State:
        new = state.copied()
        place = Place(new.stored[id].path, row.ref.removeprefix(_UNDO))
        new.effects[place] = False
        new.undone |= {place}
        if row.status == status.SCHEDULED:
            self._tell(new, id, facts.Claimed(row.ref, row.attempt, "crew"), row.visible_at)
        fact = facts.Reported(row.ref, row.attempt, status.COMPLETED, b"{}", "")
        self._tell(new, id, fact, _NOW)
        return new

    def _of_held(self, state: State, id: str, row: TaskRow, ready: Ready) -> Iterator[State]:
        """An attempt that somebody works at: its end, its time-out, its being cut off."""
        place = Place(state.stored[id].path, row.ref)
        turn = self._script.turn(place, row.attempt)
        acts = turn.end == status.COMPLETED and turn.effect_ms >= 0
        if turn.end != "HANG":
            new = state.copied()
            end, body = turn.end, b"{}"
            if acts and not new.take_effect(place):
                end = status.FAILED_WITH_TERMINAL_ERROR
            if end == status.COMPLETED:
                made = {"n": len(row.ref) + row.attempt, "by": row.ref}
                body = msgspec.json.encode(made)
            self._tell(new, id, facts.Reported(row.ref, row.attempt, end, body, ""), _NOW)
            yield new
        if place in state.interrupted and turn.stops:
            fact = facts.Reported(row.ref, row.attempt, status.CANCELED, b"{}", "")
            yield self._told(state, id, fact, _NOW)
            if acts and place not in state.effects:
                new = self._told(state, id, fact, _NOW)
                new.take_effect(place)
                yield new
        task = self._tasks[row.name]
        limit_ms = 1000 * min(
            each for each in (task.timeout_seconds, task.response_timeout_seconds) if each
        )
        if limit_ms <= _SHORT_MS and ready.alarm_at:
            new = self._told(state, id, facts.AlarmRang(row.ref), ready.alarm_at)
            if acts:
                new.loose |= {place}
            elif turn.end != "HANG":
                new.heard |= {place}
            yield new
        lost = Lost(place, row.attempt)
        if lost in state.lost:
            new = self._told(state, id, facts.Returned(row.ref, row.attempt), _NOW)
            new.lost -= {lost}
            yield new
            if acts and place not in state.effects:
                new = new.copied()
                new.take_effect(place)
                yield new

    # --- deciding -------------------------------------------------------------------------------

    def _told(self, state: State, id: str, fact: Fact, now: int) -> State:
        new = state.copied()
        self._tell(new, id, fact, now)
        return new

    def _tell(self, state: State, id: str, fact: Fact, now: int) -> None:
        inbox: deque[tuple[str, Fact]] = deque()
        self._decide(state, inbox, id, fact, now)
        self._drain(state, inbox)

    def _drain(self, state: State, inbox: deque[tuple[str, Fact]]) -> None:
        """Beginnings, and passes over open tasks, follow at once."""
        while True:
            while inbox:
                id, fact = inbox.popleft()
                self._decide(state, inbox, id, fact, _NOW)
            passing = [i for i, s in state.stored.items() if s.header.phase in phases.PASSES]
            if not passing:
                return
            inbox.extend((id, facts.AlarmRang()) for id in passing)

    def _decide(
        self, state: State, inbox: deque[tuple[str, Fact]], id: str, fact: Fact, now: int
    ) -> None:
        stored = state.stored[id]
        rows = Rows(header=copy.copy(stored.header), tasks={}, values={}, pages={})
        while not isinstance(answer := decide(stored.plan, rows, fact, now), Decision):
            for kind, name in answer.keys:
                if kind == "task":
                    rows.tasks[name] = stored.tasks.get(name)
                elif kind == "value":
                    rows.values[name] = stored.values.get(name)
                else:
                    rows.pages[name] = stored.page(name)
        if not answer.accepted:
            return
        stored = state.stored[id] = stored.copied()
        stored.header = answer.header
        for row in (*answer.tasks, *answer.new_tasks):  # the newest attempt stays
            stored.tasks[row.ref] = row
        stored.values |= answer.values
        for done in answer.commands:
            self._carry_out(state, inbox, stored, id, done)

    def _carry_out(
        self,
        state: State,
        inbox: deque[tuple[str, Fact]],
        stored: Stored,
        id: str,
        done: command.Command,
    ) -> None:
        ready = stored.ready
        match done:
            case command.Offer(ref, attempt, queue, visible_at, alarm_at):
                ready[ref] = Ready(id, ref, attempt, queue, visible_at, alarm_at)
                state.interrupted -= {Place(stored.path, ref)}
            case command.Lease(ref, attempt, queue, worker, alarm_at):
                ready[ref] = Ready(id, ref, attempt, queue, alarm_at=alarm_at, worker=worker)
            case command.Wait(ref, attempt, alarm_at):
                ready[ref] = Ready(id, ref, attempt, alarm_at=alarm_at)
            case command.Mark(ref, attempt, mark, alarm_at):
                ready[ref] = Ready(id, ref, attempt, alarm_at=alarm_at, mark=mark)
            case command.Close(ref):
                ready.pop(ref, None)
            case command.Interrupt(ref, _, _):
                state.interrupted |= {Place(stored.path, ref)}
            case command.Tell(other, fact) if other == id:
                inbox.append((other, fact))
            case command.Tell(other, fact):
                state.pending += ((other, fact),)
            case command.StartChild():
                definition = stored.plan.inline[done.definition]
                ref = done.ref.rpartition("#")[0]
                path = f"{stored.path}/{ref}" if stored.path else ref
                self._create(state, inbox, path, definition, done.input, done.child_id, id, done)
            case _:
                pass

    def _create(
        self,
        state: State,
        inbox: deque[tuple[str, Fact]],
        path: str,
        workflow: Workflow,
        body: bytes,
        id: str,
        parent: str = "",
        start: command.StartChild | None = None,
    ) -> None:
        plan = compile_plan(workflow, self._tasks)
        header = Header(
            id=id or "root",
            workflow=workflow.name,
            version=workflow.version,
            definition=plan.hash,
            parent_id=parent,
            parent_ref=start.ref if start is not None else "",
        )
        state.stored[header.id] = Stored(plan, header, path)
        inbox.append((header.id, facts.Started(input=body)))
