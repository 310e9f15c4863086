"""Ways to be wrong: each breaks one thing in core or engine, for as long as a test lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from pavane.adapters.memory.store import MemoryStore
from pavane.core.decide import flow, retries, stopping, tasks, undo
from pavane.core.decide.draft import Draft
from pavane.core.decide.nodes import Node
from pavane.core.decide.step_types.do_while import DoWhile
from pavane.core.decide.step_types.wait import Wait
from pavane.core.model import command, fact, status
from pavane.core.model.command import Close
from pavane.core.model.rows import TaskRow
from pavane.core.model.workflow import FORKS
from pavane.engine import act, placing
from pavane.engine.batch import Batch
from pavane.engine.pipeline import Pipeline
from pavane.engine.timers import Timers
from pavane.engine.work_set import WorkSet
from pavane.ports.store import Change, Unit

Patch = pytest.MonkeyPatch


def attempt_not_fenced(patch: Patch) -> None:
    """The outcome of an old attempt counts for the newest one."""

    def open_one(draft: Draft, ref: str, attempt: int) -> TaskRow | None:
        row = draft.task(ref)
        return row if row is not None and row.status in status.OPEN else None

    patch.setattr(tasks, "_open", open_one)


def version_not_checked(patch: Patch) -> None:
    """Nobody waits for a commit that is under way, and the store writes whatever comes."""
    patch.setattr(MemoryStore, "_wins", lambda self, unit: True)
    nothing = property(lambda self: (), lambda self, ids: None)
    patch.setattr(Pipeline, "_saved", nothing, raising=False)


def undo_without_order(patch: Patch) -> None:
    """The way back does not wait for one undo before it begins the next."""
    original = undo._visit

    def visit(draft: Draft, node: Node) -> list[str]:
        row = draft.task(node.ref) if node.undo is not None else None
        ahead = original(draft, node)
        if row is not None and row.undoable and not ahead:
            name = undo.UNDO + node.ref
            draft.change(draft.newest[name], frontier=True)  # its end shall not walk on
            return undo._before(draft, node)
        return ahead

    def ended(draft: Draft, row: TaskRow, after_ms: int = 0) -> None:
        if row.status in status.SUCCESSFUL and row.frontier:
            draft.do(Close(row.ref))
            draft.log("completed", row.ref, row.attempt)
        else:
            ended_before(draft, row, after_ms)

    ended_before = undo.undo_ended
    patch.setattr(undo, "_visit", visit)
    patch.setattr(undo, "undo_ended", ended)


def failed_undo_counts(patch: Patch) -> None:
    """An undo that failed counts as done."""
    original = undo.undo_ended

    def ended(draft: Draft, row: TaskRow, after_ms: int = 0) -> None:
        if row.status not in status.SUCCESSFUL:
            row = draft.put(msgspec.structs.replace(row, status=status.COMPLETED))
        original(draft, row, after_ms)

    patch.setattr(undo, "undo_ended", ended)


def unknown_is_not_undone(patch: Patch) -> None:
    """An attempt that timed out counts as if it had never happened."""
    patch.setattr(flow, "note_perhaps_done", lambda draft, node, row: row)


def timer_fires_twice(patch: Patch) -> None:
    """An alarm rings twice, and the second ring finds the door open."""
    ring_all = Timers._ring_all
    alarm_rang = tasks.alarm_rang

    async def twice(self: Timers, alarms: list[tuple[str, str]], now: int) -> bool:
        return await ring_all(self, [alarm for alarm in alarms for _ in range(2)], now)

    def rang(draft: Draft, ref: str) -> bool:
        row = draft.task(ref)
        if row is not None and row.type == "WAIT" and row.status == status.COMPLETED:
            flow.completed(draft, draft.plan.nodes[ref], row)
            return True
        return alarm_rang(draft, ref)

    patch.setattr(Timers, "_ring_all", twice)
    patch.setattr(tasks, "alarm_rang", rang)


def timer_fires_early(patch: Patch) -> None:
    """A WAIT ends with the first ring, whatever its time."""

    def rang(self: Wait, draft: Draft, node: Node, row: TaskRow) -> None:
        row = draft.change(row, status.COMPLETED, output=b"{}", ended_at=draft.now)
        flow.completed(draft, node, row)

    patch.setattr(Wait, "rang", rang)
    patch.setattr(Wait, "_arm", staticmethod(_arm_at_once))


def _arm_at_once(draft: Draft, node: Node, row: TaskRow, task_input: dict[str, Any]) -> None:
    soon = draft.now + 50 if row.visible_at else 0
    draft.do(command.Wait(row.ref, row.attempt, soon))


def join_without_counter(patch: Patch) -> None:
    """The first branch that arrives opens the join."""
    original = flow.check_join

    def check(draft: Draft, node: Node, join: TaskRow) -> None:
        if join.count:
            join = msgspec.structs.replace(join, count=len(node.join_on))
        original(draft, node, join)

    patch.setattr(flow, "check_join", check)


def frozen_run_begins(patch: Patch) -> None:
    """Workers may begin tasks of a run that is being stopped."""
    patch.setattr(tasks, "may_be_taken", lambda header, ref: True)
    patch.setattr(placing, "may_be_taken", lambda header, ref: True)


def pivot_ignored(patch: Patch) -> None:
    """There is always a way back."""
    patch.setattr(flow, "pass_pivot", lambda draft: None)


def child_not_told(patch: Patch) -> None:
    """A scope that is stopped leaves the ones inside it running."""
    original = stopping.freeze

    def freeze(draft: Draft, row: TaskRow) -> None:
        if row.child_id:
            stopping.settled(draft, draft.change(row, status.CANCELED, ended_at=draft.now))
        else:
            original(draft, row)

    patch.setattr(stopping, "freeze", freeze)


def retries_not_counted(patch: Patch) -> None:
    """What fails is tried again and again (but not for ever: a test wants to end)."""

    def may_retry(draft: Draft, node: Node, row: TaskRow) -> bool:
        return draft.header.status == status.RUNNING and row.attempt < 6

    patch.setattr(flow, "_may_retry", may_retry)


def retry_without_delay(patch: Patch) -> None:
    """A failed attempt is tried again at once."""
    patch.setattr(retries, "retry_delay_ms", lambda policy, attempt, *seed: 0)


def told_before_commit(patch: Patch) -> None:
    """Callers are answered as soon as it is decided."""
    original = Batch.commit

    async def commit(self: Batch, now: int) -> Any:
        for request in self.requests:
            if not isinstance(request.fact, fact.Claimed):
                request.answer()
        return await original(self, now)

    patch.setattr(Batch, "commit", commit)


def held_work_forgotten(patch: Patch) -> None:
    """A new process does not take back what the dead one held."""

    async def leases(self: MemoryStore, worker_prefix: str) -> list[Any]:
        return []

    patch.setattr(MemoryStore, "leases", leases)


def commit_split(patch: Patch) -> None:
    """Task rows in one transaction, their ready rows in the next."""
    original = MemoryStore.commit

    async def commit(self: MemoryStore, units: Sequence[Unit]) -> set[int]:
        first = [Unit([_without_ready(change) for change in unit.changes]) for unit in units]
        lost = await original(self, first)
        await asyncio.sleep(0.2)
        for index, unit in enumerate(units):
            if index not in lost:
                for change in unit.changes:
                    if self._open:
                        self._tables.apply(_only_ready(change))
        return lost

    patch.setattr(MemoryStore, "commit", commit)


def _without_ready(change: Change) -> Change:
    return msgspec.structs.replace(change, ready=[], closed=[])


def _only_ready(change: Change) -> Change:
    return msgspec.structs.replace(change, new_tasks=[], tasks=[], values=[], entries=b"")


def header_alone_not_written(patch: Patch) -> None:
    """A decision that changes nothing but the header is not worth a commit."""
    original = WorkSet.apply

    def apply(self: WorkSet, decision: Any) -> None:
        before = self.dirty
        original(self, decision)
        self.dirty = before or bool(
            decision.entries or decision.new_tasks or decision.tasks or decision.values
        )

    patch.setattr(WorkSet, "apply", apply)


def dispatched_before_commit(patch: Patch) -> None:
    """Workers begin before their task is durable."""
    original = Batch.commit

    async def commit(self: Batch, now: int) -> Any:
        if self._placing.dispatcher is not None:
            act.dispatch(list(self.work.values()), self._placing.dispatcher)
        for work in self.work.values():
            work.reserved.clear()
        return await original(self, now)

    patch.setattr(Batch, "commit", commit)


def alarms_not_noticed(patch: Patch) -> None:
    """The clock looks for new alarms only when it had meant to wake anyway."""
    patch.setattr(Timers, "notice", lambda self, at: None)


def loop_asked_too_late(patch: Patch) -> None:
    """A loop that should have ended behind its first iteration makes another one."""
    original = DoWhile._wants_more

    def wants_more(draft: Draft, node: Node, row: TaskRow) -> bool:
        return original(draft, node, row) or row.count == 1

    patch.setattr(DoWhile, "_wants_more", staticmethod(wants_more))


def earlier_iterations_not_undone(patch: Patch) -> None:
    """The way back leaves a loop behind the first iteration that it comes through."""

    def before(draft: Draft, node: Node) -> list[str]:
        while not node.before:
            if not node.inside:
                undo._finish(draft)
                return []
            node = draft.plan.nodes[node.inside]
            if node.type in FORKS:
                return undo._arrive_at_fork(draft, node)
        return [node.before]

    patch.setattr(undo, "_before", before)


def fan_joined_early(patch: Patch) -> None:
    """The JOIN of branches made at run time counts one too few of them."""
    original = flow.width_of

    def width_of(row: TaskRow) -> int | None:
        width = original(row)
        return width - 1 if width else width

    patch.setattr(flow, "width_of", width_of)


def one_branch_of_a_fan_undone(patch: Patch) -> None:
    """The way back goes into the first of the branches that were made at run time."""
    original = undo.fans.refs

    def refs(draft: Draft, fork: str, start: int, stop: int) -> list[str]:
        return original(draft, fork, start, stop)[:1]

    patch.setattr(undo.fans, "refs", refs)
