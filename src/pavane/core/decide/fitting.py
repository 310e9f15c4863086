"""Whether what an execution has done could have been done by another definition just as well.

It could where each step that has begun is there with the same task, behind and in the same steps,
and leads to the same step wherever the flow has gone on: then whoever goes on, or walks back, finds
in the new graph the way that was taken in the old one. What lies ahead may be anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec

from pavane.core.decide import phases
from pavane.core.decide.fans import DYNAMIC_FORK
from pavane.core.decide.lists import branch
from pavane.core.decide.nodes import AGAIN, UNDO, Node, numbered
from pavane.core.decide.plan import WORKER_TYPE, Plan
from pavane.core.model import status
from pavane.core.model.rows import Header, Key, TaskRow
from pavane.core.model.workflow import CHOICES

RECORDS_MAX: Final = 10_000
"""An execution with more records is not looked through, and so not moved."""

_ENDED_YET_MOVABLE: Final = frozenset({status.FAILED, status.TIMED_OUT, status.TERMINATED})


class Look(Protocol):
    """Rows of one execution."""

    def require(self, keys: Collection[Key]) -> None:
        """These are wanted next."""
        ...

    def task(self, ref: str) -> TaskRow | None:
        """The newest attempt at a step."""
        ...


def standing(header: Header) -> str:
    """Why an execution cannot be moved as it stands, whatever the definitions; "" if it can."""
    if header.status in (status.COMPENSATING, status.COMPENSATED) or (
        header.phase in phases.GOING_BACK | phases.ABORTING or header.ended_by == UNDO
    ):
        return "it is being undone, or was: what is left of it follows the definition it began with"
    if header.status == status.COMPLETED:
        return "it is COMPLETED"
    if header.status in _ENDED_YET_MOVABLE and header.parent_id:
        return f"it has ended, and the step of {header.parent_id} with it"
    if header.phase and header.phase != phases.QUEUED:
        return f"it is {header.phase} at this moment; ask again"
    if header.seq > RECORDS_MAX:
        return f"it has {header.seq} records, and only {RECORDS_MAX} are looked through"
    return ""


def begun(plan: Plan, look: Look) -> dict[str, TaskRow]:
    """The newest attempts at all steps that have begun, those of iterations too, by their names.

    Branches that were made at run time are left out: they carry their steps themselves.
    """
    found: dict[str, TaskRow] = {}
    ahead = [ref for ref, node in plan.nodes.items() if not node.loops]
    while ahead:
        look.require([("task", ref) for ref in ahead])
        inside: list[str] = []
        for ref in ahead:
            if (row := look.task(ref)) is None:
                continue
            found[ref] = row
            node = plan.nodes[ref]
            if node.type == "DO_WHILE":
                rounds = range(1, row.count + 1)
                inside += [numbered(each, (*node.path, n)) for n in rounds for each in node.body]
        ahead = inside
    return found


def misfits(
    old: Plan, new: Plan, header: Header, rows: Mapping[str, TaskRow]
) -> list[tuple[str, str]]:
    """The steps of the past that the new definition has no place for, each with the reason."""
    past = _Past(old, new, header, rows)
    return [(ref, why) for ref, row in rows.items() for why in past.differs(ref, row)]


class _Past:
    """What was done under one plan, held against another."""

    def __init__(self, old: Plan, new: Plan, header: Header, rows: Mapping[str, TaskRow]) -> None:
        self.old, self.new, self.header, self.rows = old, new, header, rows

    def differs(self, ref: str, row: TaskRow) -> Iterator[str]:
        mine, theirs = self.old.nodes[ref], self.new.nodes.find(ref)
        if theirs is None or theirs.loops != mine.loops:
            yield "it is not there any more" if theirs is None else "it is in another loop"
            return
        if theirs.type != mine.type:
            yield f"it was a {mine.type}, and is a {theirs.type}"
            return
        if (was := _what(mine)) != (now := _what(theirs)):
            yield f"it was {was}, and is {now}"
        if (mine.before, mine.inside, mine.fork) != (theirs.before, theirs.inside, theirs.fork):
            yield f"it began {_behind(mine)}, and stands {_behind(theirs)}"
        if mine.step.pivot != theirs.step.pivot:
            yield "it is a pivot in one of them only"
        failed = row.status in status.UNSUCCESSFUL_ENDS
        if failed and mine.step.permissive != theirs.step.permissive:
            yield "it failed, and is permissive in one of them only"
        if mine.type == "FORK_JOIN":
            yield from self._branches(mine, theirs, row)
        elif mine.type == DYNAMIC_FORK and _of_branches(mine) != _of_branches(theirs):
            yield "it says something else of the undo or the failure of the branches it made"
        elif mine.type == "JOIN":
            yield from self._awaited(mine, theirs, row)
        elif mine.type == "DO_WHILE" and (mine.step.items is None) != (theirs.step.items is None):
            yield "it goes through a list in one of them only"
        yield from self._went_on(mine, theirs, row)

    def _branches(self, mine: Node, theirs: Node, row: TaskRow) -> Iterator[str]:
        if mine.join not in self.rows:
            return  # it was given up before it began
        firsts = [first for first, _ in mine.branches]
        others = [first for first, _ in theirs.branches]
        all_begun = row.count >= len(firsts)
        if others[: row.count] != firsts[: row.count] or (all_begun and len(others) != len(firsts)):
            yield f"its branches {_named(firsts)} have begun, and now they are {_named(others)}"

    def _awaited(self, mine: Node, theirs: Node, row: TaskRow) -> Iterator[str]:
        if mine.step.join_count != theirs.step.join_count:
            was, now = (_number(each.step.join_count) for each in (mine, theirs))
            yield f"it waits for {was} of its branches, and would for {now}"
        for ref in sorted(set(mine.join_on) ^ set(theirs.join_on)):
            arrived = ref in self.rows and self.rows[ref].status not in status.OPEN
            if row.status in status.SUCCESSFUL or arrived:
                waits = "waited" if ref in mine.join_on else "did not wait"
                yield f"it {waits} for {ref!r}, which is otherwise now"

    def _went_on(self, mine: Node, theirs: Node, row: TaskRow) -> Iterator[str]:
        """Where the flow has left a step, it must lead to the same place."""
        if mine.type in CHOICES and row.status in status.SUCCESSFUL:
            case = _chosen(row)
            was, now = branch(mine, case)[0], branch(theirs, case)[0]
            if was != now:
                way = f"to {was!r}" if was else "past it"
                yield f"it took the case {case!r} {way}, which leads {_to(now)} now"
            if was or now:
                return
        if mine.next != theirs.next and self._has_gone_on(mine, row):
            yield f"it went on {_to(mine.next)}, and leads {_to(theirs.next)} now"

    def _has_gone_on(self, node: Node, row: TaskRow) -> bool:
        if row.status in status.OPEN:
            return False
        if node.next.startswith(AGAIN):
            number, _, loop = node.next.removeprefix(AGAIN).partition(":")
            around = self.rows[loop]
            return around.count > int(number) or around.status in status.SUCCESSFUL
        if node.next:
            return node.next in self.rows
        if node.fork:  # the end of a branch: its join has been told
            return row.status in status.SUCCESSFUL or node.step.permissive
        return self.header.ended_by == node.ref


def _of_branches(fork: Node) -> tuple[Any, ...]:
    """What a FORK_JOIN_DYNAMIC says of its branches that their rows were counted by."""
    said = fork.options
    return (said.undo, said.optional, said.permissive) if said is not None else ()


class _Choice(msgspec.Struct):
    selected_case: str = msgspec.field(name="selectedCase", default="")


def _chosen(row: TaskRow) -> str:
    return msgspec.json.decode(row.output, type=_Choice).selected_case


def _what(node: Node) -> str:
    """What a step has done, as far as another definition must agree."""
    if node.type == WORKER_TYPE:
        return f"the task {node.step.name!r}"
    param: Any = node.step.sub_workflow_param
    if param is not None and param.name and param.workflow_definition is None:
        return f"the workflow {param.name!r}"
    return ""


def _behind(node: Node) -> str:
    if node.before:
        return f"behind {node.before!r}"
    return f"first in {node.inside!r}" if node.inside else "first"


def _number(join_count: int | None) -> str:
    return "all" if join_count is None else str(join_count)


def _to(ref: str) -> str:
    if ref.startswith(AGAIN):
        return f"to the end of an iteration of {ref.rpartition(':')[2]!r}"
    return f"to {ref!r}" if ref else "to an end"


def _named(refs: list[str]) -> str:
    shown = ", ".join(refs[:5])
    return f"{shown} and {len(refs) - 5} more" if len(refs) > 5 else shown
