"""The places of a workflow, of which so many executions run at once: wanted, had, given up.

Who has one, and who waits for one, is a Ready row of the execution itself. How many there are, and
whose turn it is, is the engine's business: it says `Admitted`. Whoever is undone waits for nobody.
"""

from __future__ import annotations

import re
from typing import Final

from pavane.core.decide import flow, phases
from pavane.core.decide.draft import Draft
from pavane.core.decide.plan import Plan
from pavane.core.decide.roots import Roots
from pavane.core.model import status
from pavane.core.model.command import Close, Enter, Hold
from pavane.core.model.fact import Admitted
from pavane.core.model.lanes import key_of, workflow_lane, workflow_of
from pavane.core.model.rows import OWN
from pavane.core.model.workflow import RateLimit
from pavane.errors import LimitReachedError

_NAMED: Final = re.compile(r"\$\{workflow\.([^${}]+)\}")


def enter(draft: Draft, since: int = 0) -> None:
    """Wait for a place, behind those who wait; or where it stood before. ExpressionError."""
    draft.header.phase, draft.header.cursor = phases.QUEUED, ""
    draft.do(Enter(_lane(draft), since))


def admitted(draft: Draft, fact: Admitted) -> bool:
    """It has a place: it begins, or goes on. False where it does not wait any more."""
    header = draft.header
    if header.phase != phases.QUEUED or header.status != status.RUNNING:
        return False
    draft.do(Hold(fact.queue))
    draft.log("admitted")
    set_off(draft)
    return True


def set_off(draft: Draft) -> None:
    """Begin; or go on from each place where it was held, if it has begun before."""
    header = draft.header
    header.phase, header.cursor = phases.FORWARD, ""
    if header.seq:
        flow.begin_pass(draft, phases.RESUMING)
    elif draft.plan.first:
        draft.agenda.append(draft.plan.first)


def hold(draft: Draft) -> None:
    """Take a place without waiting for one, where its workflow counts them."""
    if draft.plan.key is not None:
        draft.do(Hold(_lane(draft)))


def stand_back(draft: Draft) -> None:
    """Do not stand in the queue any more: nothing goes on while it is paused."""
    draft.do(Close(OWN))


def moved(draft: Draft, old: Plan) -> None:
    """It goes on by another definition, which may count otherwise, or not at all."""
    waits = draft.header.phase == phases.QUEUED
    if draft.plan.key is None:
        if old.key is not None:
            draft.do(Close(OWN))
        if waits and draft.header.status == status.RUNNING:
            set_off(draft)
        elif waits:
            draft.header.phase = phases.FORWARD
    elif not waits:
        hold(draft)
    elif draft.header.status == status.RUNNING:
        enter(draft, draft.header.created_at)


def full(limit: RateLimit, queue: str, many: int) -> LimitReachedError:
    """The refusal of a start for which there is no place, and which is not to wait for one."""
    return LimitReachedError(
        f"{told(limit, queue, many)}, and no more may at once.",
        "Start it again when one of them has ended.",
    )


def told(limit: RateLimit, queue: str, many: int) -> str:
    """How many of a workflow, and of a key, run; as said to whoever waits for a place."""
    key = key_of(queue)
    if key and (name := _NAMED.fullmatch(limit.rate_limit_key)):
        key = f"{name[1].removeprefix('input.')} {key}"
    elif key:
        key = f"the key {key}"
    whose = f"{workflow_of(queue)} for {key}" if key else workflow_of(queue)
    return f"{many} of {whose} {'runs' if many == 1 else 'run'} already"


def _lane(draft: Draft) -> str:
    """The queue of the execution. What the key names and is not there is one key, as none is."""
    key = draft.plan.key
    assert key is not None
    value = key.render(Roots(draft, draft.plan.key_views))
    return workflow_lane(draft.header.workflow, None if value == "" else value)
