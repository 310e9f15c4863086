"""The way back: undo what was done, in reverse causal order.

The order is the graph walked backwards from where forward progress stopped. A *token* starts at
each frontier (a step that was open or failed) and moves to the step before; at a step whose undo
has something to do it waits until that undo has succeeded. A JOIN sends one token into each branch
that is complete and one to its FORK_JOIN, which lets a token pass when that one and one from every
branch that had begun have come back. So nothing is undone before everything that was caused by it
is undone, independent branches do not wait for each other, and the cost of a step does not depend
on the length of the run. Where a JOIN waits for a step in the middle of a branch, a token from the
rest of the branch waits at that step for the token of the JOIN.
"""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide import fans, flow, races, retries, timeouts
from pavane.core.decide.draft import Draft, encode
from pavane.core.decide.lists import is_complete, last_taken
from pavane.core.decide.nodes import UNDO, Node, numbered
from pavane.core.decide.plan import WORKER_TYPE, keys_of
from pavane.core.decide.roots import Roots, views_of
from pavane.core.model import status
from pavane.core.model.command import Close, Mark, Tell, Wait
from pavane.core.model.fact import UndoRequested
from pavane.core.model.rows import PAGE, TaskRow
from pavane.core.model.workflow import CHOICES, FORKS
from pavane.errors import ExpressionError

_STEPS_MAX = 1000  # walked back in one decision; then others have their turn
_INTERRUPTED = -1  # as `visible_at` of a step that is over: the way back has stopped there
_HELD = -2  # the same: a token waits there for one that comes from a JOIN


# --- walking back -------------------------------------------------------------------------------


def back_from(draft: Draft, ref: str) -> None:
    """Everything caused by the step is undone: undo it, then go on before it."""
    ahead = [ref]
    walked = 0
    while ahead:
        walked += 1
        here = ahead.pop()
        if walked > _STEPS_MAX:
            _interrupt(draft, here)
        else:
            ahead += _visit(draft, draft.node(here))


def walk_on(draft: Draft, ref: str) -> bool:
    """Go on where the way back was interrupted; any other ring finds nothing to do."""
    row = draft.task(ref)
    if row is None or row.visible_at != _INTERRUPTED:
        return False
    draft.change(row, visible_at=row.scheduled_at)
    draft.do(Close(ref))
    back_from(draft, ref)
    return True


def _interrupt(draft: Draft, ref: str) -> None:
    """Let others have their turn; the way back goes on from here when the alarm rings."""
    row = draft.task(ref)
    assert row is not None
    draft.change(row, visible_at=_INTERRUPTED)
    draft.do(Wait(ref, row.attempt, alarm_at=draft.now))  # no mark: marks have no alarms


def _visit(draft: Draft, node: Node) -> list[str]:
    if node.type in FORKS:
        return _arrive_at_fork(draft, node)
    if node.type == "JOIN":
        fork = draft.plan.nodes[node.of_fork]
        return _into_branches(draft, node, fork)
    if node.type in CHOICES:
        last = last_taken(draft, node)
        return [last] if last else _out_of_choice(draft, node)
    if node.early and _is_held(draft, node):
        return []
    if node.type == "DO_WHILE":
        return _into_loop(draft, node)
    if node.undo is not None or node.type == "SUB_WORKFLOW":
        row = draft.task(node.ref)
        if row is not None and row.undoable:
            begin_undo(draft, node, row)
            return []
    return _before(draft, node)


def _into_branches(draft: Draft, join: Node, fork: Node) -> list[str]:
    """The ends of the branches that are complete, a page at a time; at last the fork itself."""
    row = draft.task(join.ref)
    assert row is not None
    width = fans.width_of(row)
    freed = _free(draft, join, row) if join.early else []
    if width is None:
        width = max(len(fork.branches), len(join.early))
        ends = [last for _, last in fork.branches[row.polls : row.polls + PAGE]]
    else:
        ends = fans.refs(draft, fork.ref, row.polls, min(row.polls + PAGE, width))
    draft.require([("task", last) for last in ends])
    found = [last for last in ends if is_complete(draft, last)]
    if row.polls + PAGE < width:
        draft.change(row, polls=row.polls + PAGE)
        _interrupt(draft, join.ref)
        return [*freed, *found]
    return [*freed, *found, fork.ref]


def _free(draft: Draft, join: Node, row: TaskRow) -> list[str]:
    """The token of a JOIN has come: those that wait for it go on, a page at a time."""
    page = join.early[row.polls : row.polls + PAGE]
    draft.require([("task", ref) for ref in page])
    draft.change(row, polls=row.polls + PAGE)  # as `_is_held` looks for it
    found: list[str] = []
    for ref in page:
        held = draft.task(ref)
        if held is not None and held.visible_at == _HELD:
            draft.change(held, visible_at=held.scheduled_at)
            node = draft.plan.nodes[ref]
            found += _out_of_choice(draft, node) if node.type in CHOICES else [ref]
    return found


def _is_held(draft: Draft, node: Node) -> bool:
    """Whether a token has to wait here: a JOIN went on from the step, and was not undone yet."""
    row = draft.task(node.ref)
    if row is None or row.frontier:
        return False  # it never was over: no JOIN has gone on from here
    draft.require([("task", ref) for ref in node.early])
    joins = [draft.task(ref) for ref in node.early]
    if all(join is None or join.polls for join in joins):
        return False
    draft.change(row, visible_at=_HELD)
    return True


def _out_of_choice(draft: Draft, node: Node) -> list[str]:
    return [] if node.early and _is_held(draft, node) else _before(draft, node)


def _into_loop(draft: Draft, node: Node) -> list[str]:
    """The end of its newest iteration; nothing where that has a frontier of its own."""
    row = draft.task(node.ref)
    if row is None or not row.count:
        return _before(draft, node)
    last = numbered(node.last, (*node.path, row.count))
    return [] if row.frontier and not is_complete(draft, last) else [last]


def _before(draft: Draft, node: Node) -> list[str]:
    """The step in front of one, out of the list that it begins if need be."""
    while not node.before:
        if not node.inside:
            _finish(draft)
            return []
        number = node.path[-1] if node.path else 0
        node = draft.plan.nodes[node.inside]
        if node.type in FORKS:
            return _arrive_at_fork(draft, node)
        if node.early and node.type in CHOICES and _is_held(draft, node):
            return []
        if node.type == "DO_WHILE" and number > 1:
            return [numbered(node.last, (*node.path, number - 1))]
    return [node.before]


def _arrive_at_fork(draft: Draft, fork: Node) -> list[str]:
    row = draft.task(fork.ref)
    assert row is not None
    row = draft.change(row, failed=row.failed + 1)
    return _before(draft, fork) if row.failed == _expected(draft, fork, row) else []


def _expected(draft: Draft, fork: Node, row: TaskRow) -> int:
    """How many tokens come back to a fork.

    One of each branch that began; one of its JOIN, which may have let the flow go on while
    branches that it does not wait for went on as well; one if the fork itself was interrupted.
    """
    opened = draft.task(fork.join) is not None
    if races.is_over(draft, fork):  # the others have been undone by then
        join = draft.task(fork.race)
        assert join is not None
        return len(races.winners_in(join.output)) + opened + row.frontier
    return row.count + opened + row.frontier


def _finish(draft: Draft) -> None:
    """The token has come back to the start."""
    draft.undone = True


# --- one undo -----------------------------------------------------------------------------------


def begin_undo(
    draft: Draft,
    node: Node,
    row: TaskRow,
    earlier: TaskRow | None = None,
    again: bool = False,
    after_ms: int = 0,
) -> None:
    """Schedule the undo of a step, or ask the child that the step was to undo itself.

    `earlier` is the attempt that it follows, `again` says that a person asked for a new round.
    """
    ref = UNDO + node.ref
    now = draft.now
    attempt = earlier.attempt + 1 if earlier else 0
    undo = TaskRow(
        execution_id=row.execution_id,
        ref=ref,
        attempt=attempt,
        round=attempt,
        type=WORKER_TYPE if node.undo else node.type,
        name=node.undo.name if node.undo else node.step.name,
        status=status.SCHEDULED if node.undo else status.IN_PROGRESS,
        seq=draft.header.seq + 1,
        service=node.undo.service if node.undo else node.service,
        scheduled_at=now,
        first_scheduled_at=now,
        visible_at=now,
        updated_at=now,
        child_id="" if node.undo else row.child_id,
        branch=row.branch,
    )
    if node.undo is None:
        draft.add(undo)
        draft.log("scheduled", ref, undo.attempt)
        draft.do(Wait(ref, undo.attempt))
        draft.do(Tell(row.child_id, UndoRequested()))
        return
    try:
        undo = _with_input(draft, node, undo, earlier, again, after_ms)
    except ExpressionError as error:
        undo = draft.add(_failed(undo, str(error)))
        draft.log("failed", ref, undo.attempt, status=undo.status, reason=undo.reason)
        _park(draft, undo)
        return
    flow.offer(draft, node, draft.add(undo))


def _failed(undo: TaskRow, reason: str) -> TaskRow:
    return structs.replace(undo, status=status.FAILED_WITH_TERMINAL_ERROR, reason=reason)


def _with_input(
    draft: Draft,
    node: Node,
    undo: TaskRow,
    earlier: TaskRow | None,
    again: bool,
    after_ms: int,
) -> TaskRow:
    assert node.undo is not None
    template = node.undo.template
    draft.require(keys_of(draft.plan, template.reads, node))
    step = draft.task(node.ref)
    assert step is not None
    # Perhaps done, perhaps not: then the undo gets no result, instead of an empty one.
    told = step.status == status.COMPLETED or step.output not in (b"", b"{}")
    unknown = "" if told else node.ref
    body = template.render(Roots(draft, views_of(template), node, unknown=unknown))
    if earlier is None or again:
        return structs.replace(undo, input=encode(body))
    used = earlier.attempt - earlier.round
    delay = retries.retry_delay_ms(node.undo.policy, used, earlier.id)
    return structs.replace(
        undo,
        input=encode(body),
        first_scheduled_at=earlier.first_scheduled_at,
        visible_at=draft.now + max(delay, after_ms),
        round=earlier.round,
    )


def undo_ended(draft: Draft, row: TaskRow, after_ms: int = 0) -> None:
    """An attempt at an undo is over: go on before the step, try again, or wait for a person."""
    node = draft.node(row.ref)
    if row.status in status.SUCCESSFUL:
        draft.do(Close(row.ref))
        draft.log("completed", row.ref, row.attempt)
        if races.has_lost(draft, node):
            _loser_undone(draft, node)
            return
        for ref in _before(draft, node):
            back_from(draft, ref)
        return
    used = row.attempt - row.round
    policy = timeouts.policy_for(draft.plan, row)
    final = row.status == status.FAILED_WITH_TERMINAL_ERROR
    if node.undo and not final and used < policy.retry_count:
        step = draft.task(node.ref)
        assert step is not None
        begin_undo(draft, node, step, earlier=row, after_ms=after_ms)
    else:
        _park(draft, row)


def _loser_undone(draft: Draft, node: Node) -> None:
    """What a branch did that lost a race is undone for good: no later way back leads there."""
    row = draft.task(node.ref)
    assert row is not None
    draft.change(row, undoable=False)
    draft.header.undoable -= 1
    races.count(draft, -1)


def _park(draft: Draft, row: TaskRow) -> None:
    draft.header.parked += 1
    draft.do(Mark(ref=row.ref, attempt=row.attempt, mark="parked"))
    draft.log("parked", row.ref, row.attempt, reason=row.reason)
    if draft.header.status != status.NEEDS_ATTENTION:
        draft.become(status.NEEDS_ATTENTION)


def retry_undo(draft: Draft, row: TaskRow) -> None:
    """A person asks for one more round of attempts at an undo that gave up."""
    node = draft.node(row.ref)
    step = draft.task(node.ref)
    assert step is not None
    begin_undo(draft, node, step, earlier=row, again=True)
