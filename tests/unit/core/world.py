"""A tiny driver of the pure core: rows in dicts, decisions folded in, commands carried out.

No engine, no clock, no threads. It gives a decision only the rows that it asks for, checks after
each one what must hold of the rows, and rings alarms when time is moved by hand.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pavane.core.decide import phases
from pavane.core.decide.branches import node_of
from pavane.core.decide.decider import Decision, Need, decide
from pavane.core.decide.draft import Page, Rows
from pavane.core.decide.moving import move
from pavane.core.decide.nodes import UNDO
from pavane.core.decide.plan import Plan, compile_plan
from pavane.core.model import command, status
from pavane.core.model.fact import AlarmRang, Fact, Launched, Started
from pavane.core.model.rows import OWN, PAGE, PLACE, Header, Ready, TaskRow
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from tests.unit.core.execution import Execution

_HEADER_MAX_BYTES = 1500


class Stored:
    """The rows of one execution."""

    def __init__(self, plan: Plan, header: Header) -> None:
        self.plan = plan
        self.header = header
        self.tasks: dict[str, dict[int, TaskRow]] = {}
        self.values: dict[str, bytes] = {}
        self.ready: dict[str, Ready] = {}
        self.entries: list[dict[str, Any]] = []

    def newest(self, ref: str) -> TaskRow | None:
        attempts = self.tasks.get(ref)
        return attempts[max(attempts)] if attempts else None

    def page(self, after: str) -> Page:
        rows = sorted((r for r in self.ready.values() if r.ref > after), key=lambda r: r.ref)
        return Page(tuple(rows[:PAGE]), rows[PAGE - 1].ref if len(rows) > PAGE else "")


class World:
    """Executions by id, the messages between them, and the time, in epoch ms."""

    def __init__(self, *known: Workflow, tasks: Mapping[str, TaskDefinition] | None = None) -> None:
        self.now = 1_700_000_000_000
        self.known = {workflow.name: workflow for workflow in known}
        self.definitions = tasks or {}
        self.executions: dict[str, Stored] = {}
        self.inbox: deque[tuple[str, Fact]] = deque()
        self.interrupted: list[tuple[str, str, str]] = []  # execution, ref, worker
        self.finished: list[tuple[str, str]] = []
        self.steps: list[str] = []  # what every execution logged: "<kind> <ref>", in order
        self.needs = 0  # how often rows were asked for
        self.holding = False  # True: messages wait in the inbox until `drain`

    # --- starting and telling -------------------------------------------------------------------

    def start(self, definition: Workflow, /, **given: Any) -> Execution:
        """Start an execution of a workflow."""
        identity = f"x{len(self.executions)}"
        run = self._create(identity, definition, msgspec.json.encode(given))
        self.drain()
        return run

    def _create(self, identity: str, definition: Workflow, body: bytes, **header: Any) -> Execution:
        plan = compile_plan(definition, self.definitions)
        self.executions[identity] = Stored(
            plan,
            Header(
                id=identity,
                workflow=definition.name,
                version=definition.version,
                definition=plan.hash,
                **header,
            ),
        )
        self.inbox.append((identity, Started(input=body)))
        return Execution(self, identity)

    def tell(self, identity: str, fact: Fact) -> bool:
        """Give a fact to an execution, and then whatever follows from it to the others."""
        accepted = self._decide(identity, fact)
        if not self.holding:
            self.drain()
        return accepted

    def drain(self) -> None:
        """Deliver what executions have told each other, and themselves."""
        while self.inbox:
            self._decide(*self.inbox.popleft())

    # --- deciding -------------------------------------------------------------------------------

    def _decide(self, identity: str, fact: Fact) -> bool:
        stored = self.executions[identity]
        return self._fold(stored, lambda rows: decide(stored.plan, rows, fact, self.now))

    def move(self, identity: str, definition: Workflow) -> bool:
        """Let an execution go on by another definition. ConflictError."""
        stored, target = self.executions[identity], compile_plan(definition, self.definitions)
        old = stored.plan

        def moved(rows: Rows) -> Decision | Need:
            answer = move(old, target, rows, self.now)
            if isinstance(answer, Decision):
                stored.plan = target
            return answer

        accepted = self._fold(stored, moved)
        self.drain()
        return accepted

    def _fold(self, stored: Stored, ask: Callable[[Rows], Decision | Need]) -> bool:
        rows = Rows(header=copy.copy(stored.header), tasks={}, values={}, pages={})
        before = copy.copy(rows.header)
        while True:
            answer = ask(rows)
            assert rows.header == before, "the given header was changed"
            if isinstance(answer, Decision):
                break
            self._load(stored, rows, answer)
        if answer.accepted:
            self._save(stored, answer)
        else:
            assert not answer.commands and not answer.new_tasks and not answer.tasks
        return answer.accepted

    def _load(self, stored: Stored, rows: Rows, need: Need) -> None:
        self.needs += 1
        given = {"task": rows.tasks, "value": rows.values, "open": rows.pages}
        assert need.keys
        for kind, name in need.keys:
            assert name not in given[kind], f"asked twice for {kind} {name!r}"
            if kind == "task":
                rows.tasks[name] = stored.newest(name)
            elif kind == "value":
                rows.values[name] = stored.values.get(name)
            else:
                rows.pages[name] = stored.page(name)

    def _save(self, stored: Stored, decision: Decision) -> None:
        header = decision.header
        header.revision = stored.header.revision + 1
        stored.header = header
        for row in decision.new_tasks:
            attempts = stored.tasks.setdefault(row.ref, {})
            assert row.attempt not in attempts, f"{row.ref} attempt {row.attempt} is there already"
            assert row.attempt == len(attempts), f"{row.ref}: attempt {row.attempt} out of order"
            attempts[row.attempt] = row
        for row in decision.tasks:
            old = stored.tasks[row.ref][row.attempt]
            assert status.may_change(status.TASK_CHANGES, old.status, row.status)
            assert (old.input, old.name, old.seq) == (row.input, row.name, row.seq)
            stored.tasks[row.ref][row.attempt] = row
        stored.values |= decision.values
        stored.entries += decision.entries
        self.steps += [f"{e['kind']} {e['ref']}" for e in decision.entries if "ref" in e]
        for done in decision.commands:
            self._carry_out(stored, done)
        check_rows(stored)

    def _carry_out(self, stored: Stored, done: command.Command) -> None:  # noqa: C901 - one case for each
        identity = stored.header.id
        match done:
            case command.Offer(ref, attempt, queue, visible_at, alarm_at):
                ready = Ready(identity, ref, attempt, queue, visible_at, alarm_at)
                stored.ready[ref] = ready
            case command.Lease(ref, attempt, queue, worker, alarm_at):
                ready = Ready(identity, ref, attempt, queue, alarm_at=alarm_at, worker=worker)
                stored.ready[ref] = ready
            case command.Wait(ref, attempt, alarm_at, queue):
                stored.ready[ref] = Ready(identity, ref, attempt, queue, alarm_at=alarm_at)
            case command.Mark(ref, attempt, mark, alarm_at):
                stored.ready[ref] = Ready(identity, ref, attempt, alarm_at=alarm_at, mark=mark)
            case command.Enter(queue, since):
                stored.ready[OWN] = Ready(identity, OWN, 0, queue, since or self.now)
            case command.Hold(queue):
                stored.ready[OWN] = Ready(identity, OWN, 0, queue, worker=PLACE)
            case command.Close(ref):
                stored.ready.pop(ref, None)
            case command.Interrupt(ref, _, worker):
                self.interrupted.append((identity, ref, worker))
            case command.Tell(other, fact):
                self.inbox.append((other, fact))
            case command.StartChild():
                self._start_child(stored, done)
            case command.Launch():
                self._launch(stored, done)
            case command.StartFailureWorkflow(name, child_id, body):
                self._create(child_id, self.known[name], body)
            case command.Finished(final):
                self.finished.append((identity, final))
            case _:
                raise AssertionError(done)

    def _start_child(self, stored: Stored, start: command.StartChild) -> None:
        if start.definition:
            definition = stored.plan.inline[start.definition]
        else:
            definition = self.known[start.what.name]
        self._create(
            start.child_id,
            definition,
            start.input,
            parent_id=stored.header.id,
            parent_ref=start.ref,
            depth=stored.header.depth + 1,
        )

    def _launch(self, stored: Stored, launch: command.Launch) -> None:
        ref, attempt = launch.ref, launch.attempt
        definition = self.known.get(launch.name)
        if definition is None:
            told = Launched(ref, attempt, reason=f"there is no workflow {launch.name}")
        else:
            fields = {"correlation_id": launch.correlation_id, "priority": launch.priority}
            self._create(launch.execution_id, definition, launch.input, **fields)
            told = Launched(ref, attempt, launch.execution_id)
        self.inbox.append((stored.header.id, told))

    # --- time -----------------------------------------------------------------------------------

    def alarms(self) -> list[tuple[int, str, str]]:
        """(at, execution, ref) of every alarm that is set, earliest first."""
        found: list[tuple[int, str, str]] = []
        for identity, stored in self.executions.items():
            found += [(r.alarm_at, identity, r.ref) for r in stored.ready.values() if r.alarm_at]
            if stored.header.alarm_at:
                found.append((stored.header.alarm_at, identity, ""))
        return sorted(found)

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and ring each alarm at its time; none may ring in vain for ever."""
        until = self.now + int(seconds * 1000)
        rung: dict[tuple[int, str, str], int] = {}
        while (alarms := self.alarms()) and alarms[0][0] <= until:
            for alarm in alarms:
                if alarm[0] > until:
                    break
                if alarm not in self.alarms():
                    continue
                rung[alarm] = rung.get(alarm, 0) + 1
                assert rung[alarm] < 20, f"{alarm} rings and rings"
                self.now = max(self.now, alarm[0])
                self.tell(alarm[1], AlarmRang(alarm[2]))
        self.now = until


def check_rows(stored: Stored) -> None:
    """What holds between the rows of an execution after every decision."""
    header, rows = stored.header, [row for t in stored.tasks.values() for row in t.values()]
    open_rows = [row for row in rows if row.status in status.OPEN]
    assert header.open == len(open_rows), (header.open, [r.ref for r in open_rows])
    undoable_open = [
        row
        for row in open_rows
        if not row.ref.startswith(UNDO)
        and (node_of(stored.plan, row).undo or row.type == "SUB_WORKFLOW")
    ]
    assert header.undoable_open == len(undoable_open)
    assert header.seq == len(rows)
    newest = [row for row in map(stored.newest, stored.tasks) if row]
    settled = [row.ref for row in newest if row.undoable and row.status not in status.OPEN]
    if header.status not in (status.COMPENSATED, status.COMPENSATING, status.NEEDS_ATTENTION):
        assert header.undoable == len(settled), (header.undoable, settled)
    for row in open_rows:
        assert row == stored.newest(row.ref), f"{row.ref}: an older attempt is open"
        assert row.ref in stored.ready, f"{row.ref} is open and has no ready row"
        assert stored.ready[row.ref].attempt == row.attempt
    check_place(stored)
    for ready in stored.ready.values():
        if ready.ref == OWN:
            continue
        row = stored.newest(ready.ref)
        assert row is not None and ready.attempt == row.attempt, ready
        going_back = header.phase in {*phases.GOING_BACK, phases.SWEEPING}
        over = row.status not in status.OPEN and not ready.mark
        assert not over or (going_back and row.visible_at < 0), f"{ready.ref} is over, yet ready"
    parked = [r for r in stored.ready.values() if r.mark == "parked"]
    assert header.parked >= len(parked) or header.status in status.ENDED
    assert len(msgspec.json.encode(header)) < _HEADER_MAX_BYTES


def check_place(stored: Stored) -> None:
    """An execution of a workflow with a limit waits for a place, or has one, until it has ended."""
    header, own = stored.header, stored.ready.get(OWN)
    queued = header.phase == phases.QUEUED
    assert not queued or header.status in (status.RUNNING, status.PAUSED)
    if stored.plan.key is None or header.status in status.ENDED:
        assert own is None and not queued
    elif queued:
        assert (own is not None) == (header.status == status.RUNNING)
        assert own is None or not own.worker
        assert not header.open, "something of it is under way"
    else:
        assert own is not None and own.worker == PLACE
