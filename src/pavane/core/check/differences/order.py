"""Steps that came, went, or stand elsewhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from pavane.core.check.differences.change import BEGUN, LATER, Change
from pavane.core.check.differences.places import List, Places
from pavane.core.model.workflow import Step


def order_changes(old: Places, new: Places) -> list[Change]:
    """Of what came and went only what stands in nothing that came or went itself."""
    found = [
        Change("removed", ref, f"{_called(step)} is gone", f"{BEGUN} The others go past it.")
        for ref, step in old.steps.items()
        if ref not in new.steps and all(each in new.steps for each in old.around(ref))
    ]
    for ref, step in new.steps.items():
        if ref not in old.steps and all(each in old.steps for each in new.around(ref)):
            what = f"{_called(step)} is new, {_place(new, ref)}"
            found.append(Change("added", ref, what, _added(old, new, ref)))
    return [*found, *_moved(old, new)]


def _called(step: Step) -> str:
    named = step.type == "SIMPLE" and step.name != step.ref
    return f"task {step.name}" if named else "task" if step.type == "SIMPLE" else step.type


def _place(places: Places, ref: str) -> str:
    if before := places.before(ref):
        return f"behind `{before}`"
    where = places.list_of[ref]
    return f"first in the {where.label} of `{where.inside}`" if where.inside else "first of all"


def _added(old: Places, new: Places, ref: str) -> str:
    """Which executions come to a step that is new, and which have gone by."""
    where = new.list_of[ref]
    if where.kind == "FORK_JOIN" and where not in old.lists and not _grown(old, new, where):
        return f"Executions in which `{where.inside}` has begun cannot be moved any more. {LATER}"
    following, ends = new.behind(ref)
    while following and following not in old.steps:
        following, ends = new.behind(following)
    inside = f"through the {where.label} of `{where.inside}` " if "case" in where.label else ""
    if following:
        gone = f"Executions that have begun `{following}` {inside}cannot be moved any more."
    elif not ends:
        gone = ""
    elif new.steps[ends].type == "DO_WHILE":
        gone = f"Executions that have ended an iteration of `{ends}` cannot be moved any more."
    else:
        gone = f"Executions in which this branch of `{ends}` has ended cannot be moved any more."
    return f"{gone} The others do it when they come to it.".strip() if gone else LATER


def _grown(old: Places, new: Places, where: List) -> bool:
    """Whether a branch of a fork was there before, with another first step."""
    return any(ref in old.steps for ref in new.lists[where])


def _moved(old: Places, new: Places) -> Iterator[Change]:
    for where, refs in new.lists.items():
        here = [ref for ref in refs if ref in old.steps]
        was: dict[List, list[str]] = {}
        for ref in here:
            was.setdefault(old.list_of[ref], []).append(ref)
        home = next((each for each in was if _same(each, where, old, new)), None)
        stayed = _in_order([old.lists[home].index(ref) for ref in was[home]]) if home else []
        kept = {old.lists[home][at] for at in stayed} if home else set[str]()
        for ref in here:
            if ref not in kept:
                what = f"stands {_place(new, ref)}, stood {_place(old, ref)}"
                meaning = (
                    "Executions in which it has begun, or a step that it stands in front of now, "
                    "cannot be moved any more."
                )
                yield Change("changed", ref, what, meaning)


def _same(one: List, other: List, old: Places, new: Places) -> bool:
    if one.inside != other.inside:
        return False
    if one.label == other.label:
        return True
    branch = one.kind == other.kind == "FORK_JOIN"
    return branch and bool(set(old.lists[one]) & set(new.lists[other]))


def _in_order(numbers: Sequence[int]) -> list[int]:
    """The longest part of the numbers that grows: what kept its order."""
    ends: list[int] = []  # by length: the smallest number that a part of that length ends with
    ahead: dict[int, int | None] = {}  # by number: the one in front of it in the longest part
    for number in numbers:
        at = bisect_left(ends, number)
        ahead[number] = ends[at - 1] if at else None
        ends[at : at + 1] = [number]
    found: list[int] = []
    number = ends[-1] if ends else None
    while number is not None:
        found.append(number)
        number = ahead[number]
    return found[::-1]
