"""`decide`: what a fact means for an execution. Pure: no I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pavane.core.decide import (
    admission,
    ending,
    flow,
    losers,
    operator,
    phases,
    races,
    stopping,
    tasks,
)
from pavane.core.decide.draft import Draft, RowMissingError, Rows, encode
from pavane.core.decide.nodes import AGAIN
from pavane.core.decide.plan import Plan
from pavane.core.decide.step_types import DO_WHILE, STEP_TYPES
from pavane.core.model import fact as facts
from pavane.core.model import status
from pavane.core.model.command import Command
from pavane.core.model.fact import Fact
from pavane.core.model.rows import Header, Key, TaskRow
from pavane.errors import ExpressionError


class Need(msgspec.Struct, frozen=True):
    """The decision cannot be made without these rows: load them and ask again."""

    keys: frozenset[Key]


class Decision(msgspec.Struct, frozen=True):
    """What is now so: rows to write, entries for the log, and commands to carry out."""

    header: Header
    new_tasks: tuple[TaskRow, ...] = ()
    tasks: tuple[TaskRow, ...] = ()  # changed ones
    values: dict[str, bytes] = {}
    entries: tuple[dict[str, Any], ...] = ()
    commands: tuple[Command, ...] = ()
    accepted: bool = True  # False: the fact came too late or was fenced off; nothing changes


def decide(plan: Plan, rows: Rows, fact: Fact, now: int) -> Decision | Need:
    """What the fact means, at `now` (epoch ms), for the execution with these rows.

    Raises ConflictError or NotFoundError where people ask for what the state does not allow.
    """
    return decided(Draft(plan, rows, now), lambda draft: _HANDLERS[type(fact)](draft, fact))


def decided(draft: Draft, deed: Callable[[Draft], bool]) -> Decision | Need:
    """What a deed brings about, with all that follows from it. The deed says whether it counts."""
    try:
        if not deed(draft):
            return Decision(header=draft.given.header, accepted=False)
        _run(draft)
    except RowMissingError as missing:
        return Need(missing.keys)
    header, now = draft.header, draft.now
    header.updated_at = now
    header.alarm_at = now if header.phase in phases.PASSES else header.deadline_at
    return Decision(
        header=header,
        new_tasks=tuple(draft.added.values()),
        tasks=tuple(draft.changed.values()),
        values=draft.values,
        entries=tuple(draft.entries),
        commands=tuple(draft.commands),
    )


def _run(draft: Draft) -> None:
    """Carry on until nothing more follows from the fact."""
    while True:
        if draft.failure is not None:
            failure, draft.failure = draft.failure, None
            if phases.is_forward(draft.header):
                stopping.abort(draft, failure)
            elif failure.row is not None:  # one more place where forward progress has ended
                flow.mark_frontier(draft, failure.row)
        elif draft.losers:
            losers.take_back(draft, draft.losers.pop(0))
        elif draft.agenda:
            _begin(draft, draft.agenda.pop(0))
        else:
            ending.try_to_finish(draft)
            stopping.try_to_settle(draft)
            if draft.failure is None and not draft.agenda and not draft.losers:
                return


def _begin(draft: Draft, ref: str) -> None:
    if ref.startswith(AGAIN):
        number, _, ref = ref.removeprefix(AGAIN).partition(":")
        DO_WHILE.again(draft, draft.plan.nodes[ref], int(number))
        return
    node = draft.node(ref)
    if races.is_over(draft, node):
        return
    draft.require([*node.keys, ("task", ref)] if draft.resuming else node.keys)
    try:
        task_input = draft.render(node)
    except ExpressionError as error:
        flow.reject(draft, node, str(error))
        return
    STEP_TYPES[node.type].begin(draft, node, task_input)


def _started(draft: Draft, fact: facts.Started) -> bool:
    plan, header = draft.plan, draft.header
    draft.values["input"] = fact.input
    if plan.workflow.input_template:
        given = draft.json(fact.input)
        draft.values["input"] = encode({**plan.workflow.input_template, **given})
    for name, value in plan.workflow.variables.items():
        draft.values[f"var:{name}"] = encode(value)
    header.created_at = draft.now
    timeout_ms = int(plan.workflow.timeout_seconds * 1000)
    header.deadline_at = draft.now + timeout_ms if timeout_ms else 0
    draft.become(status.RUNNING)
    if plan.key is not None:
        admission.enter(draft)
    else:
        admission.set_off(draft)
    return True


def _alarm_rang(draft: Draft, fact: facts.AlarmRang) -> bool:
    header = draft.header
    if fact.ref:
        return tasks.alarm_rang(draft, fact.ref)
    if header.phase == phases.RESUMING:
        draft.resuming = True
        operator.resume_page(draft)
    elif header.phase in phases.PASSES:
        stopping.run_pass(draft)
    elif header.deadline_at and header.deadline_at <= draft.now:
        header.deadline_at = 0
        ends = draft.plan.workflow.timeout_policy == "TIME_OUT_WF"
        draft.log("deadline", reason="" if ends and not header.pivot else "noted only")
        if ends and not header.pivot:
            draft.abort_because(status.TIMED_OUT, "the workflow's time is up", None)
    else:
        return False
    return True


def _asked(act: Callable[[Draft], None]) -> Callable[[Draft, Any], bool]:
    def handler(draft: Draft, _: Fact) -> bool:
        act(draft)
        return True

    return handler


def _told(act: Callable[[Draft, Any], None]) -> Callable[[Draft, Any], bool]:
    def handler(draft: Draft, fact: Any) -> bool:
        act(draft, fact)
        return True

    return handler


_HANDLERS: dict[type[Fact], Callable[[Draft, Any], bool]] = {
    facts.Started: _started,
    facts.Admitted: admission.admitted,
    facts.Claimed: tasks.claimed,
    facts.Reported: tasks.reported,
    facts.Heartbeat: tasks.heartbeat,
    facts.Returned: tasks.returned,
    facts.AlarmRang: _alarm_rang,
    facts.Signalled: _told(operator.signal),
    facts.PauseRequested: _asked(operator.pause),
    facts.ResumeRequested: _asked(operator.resume),
    facts.RetryRequested: _asked(operator.retry),
    facts.TerminateRequested: _told(operator.terminate),
    facts.Resolved: _told(operator.resolve),
    facts.AbortedByParent: _told(operator.aborted_by_parent),
    facts.UndoRequested: _asked(stopping.undo_completed),
    facts.ChildEnded: tasks.child_ended,
    facts.ChildUndone: tasks.child_undone,
    facts.KeyWanted: operator.key_wanted,
    facts.Launched: tasks.launched,
    facts.ChildPivot: tasks.child_pivot,
}
