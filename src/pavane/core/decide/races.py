"""JOINs that go on when some of their branches are done: who has won, and who is not needed.

Such a JOIN (`joinCount`) counts arrivals, good and bad, and its row names the winners in their
order. Behind it the branches that have not won are called off (`losers.py`): what is open in them
is stopped, and what they did is undone. A *loser* that was seen to bears `frontier`, as whatever is
stopped; the execution's value `losing` counts what is not settled yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pavane.core.decide import phases
from pavane.core.model import status
from pavane.core.model.command import Tell, Wait
from pavane.core.model.fact import AlarmRang
from pavane.core.model.rows import Key, TaskRow

if TYPE_CHECKING:
    from pavane.core.decide.draft import Draft
    from pavane.core.decide.nodes import Node

WINNER: Final = "winner"
WINNERS: Final = "winners"
SHOWN: Final = frozenset({WINNER, WINNERS})
"""What the output of such a JOIN says besides the outputs of its winners, which it has by name."""

_LOSING: Final = "losing"
LOSING_KEY: Final[Key] = ("value", _LOSING)


class _Won(msgspec.Struct, gc=False):
    winners: list[str] = []


_decode = msgspec.json.Decoder(_Won).decode


def winners_in(body: bytes) -> list[str]:
    """The branches that such a JOIN's row names, in the order in which they were done."""
    return _decode(body).winners if body else []


def shown(won: list[str]) -> dict[str, Any]:
    """What the output of such a JOIN says of its winners: the first, and all in their order."""
    return {WINNER: won[0], WINNERS: won} if won else {}


def arrived(join: TaskRow, row: TaskRow, needed: int) -> dict[str, Any]:
    """What changes in the row of such a JOIN when a branch has come to its end."""
    if row.status not in status.SUCCESSFUL:
        reason = join.reason or f"{row.ref}: {row.reason or row.status.lower()}"
        return {"count": join.count + 1, "failed": join.failed + 1, "reason": reason}
    won = winners_in(join.output)
    if len(won) >= needed:
        return {"count": join.count + 1}
    return {"count": join.count + 1, "output": msgspec.json.encode({WINNERS: [*won, row.ref]})}


def cannot_be_won(node: Node, join: TaskRow) -> str:
    """Why too few branches are left for such a JOIN, or ""."""
    return too_few(node.step.join_count or 0, len(node.join_on), join.failed, join.reason)


def too_few(needed: int, of: int, failed: int, reason: str) -> str:
    """The same in words, where some of its branches failed, the first for this reason."""
    left = of - failed
    if left >= needed:
        return ""
    can = f"only {left} can be done" if left else "none can be done"
    return f"{needed} of its {of} branches are needed, and {can} ({reason})"


def is_over(draft: Draft, node: Node) -> bool:
    """Whether the JOIN of a branch, or of a fork, has gone on."""
    if not node.race:
        return False
    join = draft.task(node.race)
    return join is not None and join.status in status.SUCCESSFUL


def has_lost(draft: Draft, node: Node) -> bool:
    """Whether a branch is one that its JOIN went on without."""
    if not is_over(draft, node):
        return False
    join = draft.task(node.race)
    assert join is not None
    return node.ref not in winners_in(join.output)


def call_off(draft: Draft, join: Node) -> None:
    """Such a JOIN goes on: its fork, which waits for that, sees to the other branches."""
    count(draft, 1)
    fork = draft.task(join.of_fork)
    if fork is not None and fork.status in status.OPEN:
        draft.do(Wait(fork.ref, fork.attempt, alarm_at=draft.now))
        draft.do(Tell(draft.header.id, AlarmRang(fork.ref)))


def lost(draft: Draft, row: TaskRow) -> None:
    """A loser has ended: what it did, or has perhaps done, is to be undone.

    If it was open when it was called off, somebody waits for it.
    """
    if row.frontier:
        count(draft, -1)
    else:
        row = draft.change(row, frontier=True)
    if row.undoable:
        count(draft, 1)
        draft.losers.append(row.ref)


def unsettled(draft: Draft) -> bool:
    """Whether there are losers that have not stopped, or are not undone."""
    return draft.plan.races and bool(_losing(draft))


def count(draft: Draft, more: int) -> None:
    """So many more (or fewer) have to be seen to; with the last, what waits for that goes on."""
    left = _losing(draft) + more
    draft.values[_LOSING] = msgspec.json.encode(left)
    header = draft.header
    waits = not left and header.status == status.RUNNING
    if waits and any(node.type == "TERMINATE" for node in draft.plan.nodes.values()):
        header.phase, header.cursor = phases.RESUMING, ""
        draft.do(Tell(header.id, AlarmRang()))


def _losing(draft: Draft) -> int:
    body = draft.value(_LOSING)
    return msgspec.json.decode(body) if body else 0
