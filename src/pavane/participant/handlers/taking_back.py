"""What was set aside comes back by a person's hand: to be handled again, or to be given up."""

from __future__ import annotations

from typing import Final

from pavane.core.model.event import Outgoing
from pavane.errors import NotFoundError
from pavane.participant.handlers import lanes
from pavane.participant.handlers.keeping import Keeping
from pavane.participant.handlers.lanes import Held, Lane
from pavane.ports.ledger import Aside, Entry, Todo

_MANY: Final = 1_000_000


async def find(keeping: Keeping, id: str) -> list[Aside]:
    """What was set aside under the id of a message or of one handling; NotFoundError if nothing."""
    found = [
        aside
        for aside in await keeping.ledger.aside(limit=_MANY)
        if id in (aside.id, aside.event.id) and aside.execution.startswith(lanes.PREFIX)
    ]
    if not found:
        raise NotFoundError(
            f"{keeping.service} has set nothing aside that has the id {id!r}.",
            "It may have been taken back already.",
        )
    return found


async def again(keeping: Keeping, aside: Aside, reason: str = "") -> Todo | None:
    """Make it due; None when somebody else has taken it back."""
    held = _held(aside)
    while (lane := await _standing(keeping, aside)) is not None:
        now = keeping.now()
        note = keeping.note(held, "retrying", lane.attempts, "taken back")
        told = [note, keeping.left(held, "redriven", reason)]
        if await keeping.commit(lanes.taken_back(lane, held, aside.id, now, told)):
            return Todo(lane.name, held.id, due=now, body=lanes.body_of(held))
    return None


async def given_up(keeping: Keeping, aside: Aside, reason: str = "") -> bool:
    """Let those behind it go on without it; False when somebody else has taken it back."""
    held = _held(aside)
    while (lane := await _standing(keeping, aside)) is not None:
        now = keeping.now()
        status = "dead" if aside.kind == "dead" else "quarantined"
        words = f"given up: {reason}" if reason else "given up"
        note = keeping.note(held, status, lane.attempts, words)
        told = [note, keeping.left(held, "discarded", reason)]
        entry = Entry(taken=[aside.id], records=told, at=now)
        if lane.head is not None:
            after = await keeping.behind(lane)
            if after is not None:
                told.append(keeping.left(after, "resumed"))
            entry = lanes.left(lane, after, now, told, taken=[aside.id])
        if await keeping.commit(entry):
            return True
    return False


async def told_again(keeping: Keeping) -> list[Outgoing]:
    """What is dead or quarantined, and what waits behind it, as records of the journal."""
    found = [
        aside
        for aside in await keeping.ledger.aside(limit=_MANY)
        if aside.execution.startswith(lanes.PREFIX)
    ]
    keys = [lanes.HEAD, lanes.WAITING]
    loaded = await keeping.ledger.load({each.execution: keys for each in found})
    told: list[Outgoing] = []
    for aside in found:
        of_lane = loaded[aside.execution]
        lane = lanes.read_lane(aside.execution, of_lane)
        told.append(keeping.stopped(aside, max(lane.attempts, 1)))
        for key, body in of_lane.rows.items():
            if key.group == lanes.WAITING.group:
                held = lanes.read_held(body)
                told.append(keeping.waits(held, f"waits behind {aside.id}, which is dead"))
    return told


async def _standing(keeping: Keeping, aside: Aside) -> Lane | None:
    """The lane in which it stands, or None when it was taken back."""
    if all(each.id != aside.id for each in await keeping.ledger.aside(aside.kind, _MANY)):
        return None
    return await keeping.lane(aside.execution)


def _held(aside: Aside) -> Held:
    handler = aside.execution.removeprefix(lanes.PREFIX).partition("/")[0]
    return Held(aside.id, handler, aside.event)
