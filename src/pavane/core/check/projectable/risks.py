"""What can go wrong in each part, and where its pivots are: the ground of the abort checks."""

from __future__ import annotations

from collections.abc import Sequence

from pavane.core.check.layout import Layout, Place
from pavane.core.check.projectable.offered import task_of
from pavane.core.check.projectable.parts import Part, Risk
from pavane.core.check.projectable.ways import may_skip, surely_met
from pavane.core.model.status import COMPLETED
from pavane.core.model.workflow import Step

_RETRY = 'let its task be tried until it succeeds (`retries="forever"`), or move it'


def settle(parts: Sequence[Part]) -> None:
    """Fill in risks and pivots; inner parts first, because outer ones ask them."""
    for part in reversed(parts):
        part.risks = _risks(part)
        part.pivots = [place for place in part.layout.places if _holds_pivot(part, place)]
        part.sure = [place for place in part.pivots if _is_sure(part, place)]


def _risks(part: Part) -> list[Risk]:
    found: list[Risk] = []
    for place in part.layout.places:
        if place.step.type == "JOIN":
            found = _joined(place, found)
        elif risk := _risk(part, place):
            found.append(risk)
    return found


def _risk(part: Part, place: Place) -> Risk | None:
    step = place.step
    if step.type == "TERMINATE":
        status = step.input_parameters.get("terminationStatus")
        if status != COMPLETED:
            return Risk(place, f"ends the run as {status}", "decide it")
    elif step.optional:
        return None  # the flow goes on without it
    elif task := task_of(step):
        if not part.offered.is_retriable(task):
            return Risk(place, "can fail", _RETRY)
    elif step.type == "SUB_WORKFLOW":
        return _risk_inside(part, place)
    elif step.type == "EXCLUSIVE_JOIN" and not surely_met(place):
        what = "fails where none of the steps that it names has run"
        return Risk(place, what, "name one that always runs (a NOOP will do), or move it")
    elif step.type == "HUMAN":
        return Risk(place, "may be refused", "ask before it")
    elif step.type == "WAIT" and step.task_definition is not None:
        limits = step.task_definition
        if limits.total_timeout_seconds or limits.timeout_seconds:
            return Risk(place, "has a time limit", "take the limit away, or move it")
    return None


def _risk_inside(part: Part, place: Place) -> Risk | None:
    child = part.children.get(place.ref)
    if child is None:
        return Risk(place, "can fail", "move it")
    if child.risks:
        inner = child.risks[0]
        what = f"can fail, because in it {inner.place.ref!r} {inner.what}"
        return Risk(place, what, "let everything in it be tried until it succeeds, or move it")
    if child.deadline_s:
        what = f"has a deadline of {child.deadline_s:g} s"
        return Risk(place, what, "take the deadline away, or move it")
    return None


def _joined(join: Place, found: list[Risk]) -> list[Risk]:
    """A JOIN of some branches takes their risks upon it: it fails if too many of them do."""
    fork, needed = join.before(), join.step.join_count
    branches = [each for each in fork.fork_tasks if each] if fork is not None else []
    if needed is None or needed >= len(branches):
        return found
    outside = [risk for risk in found if _branch(risk.place, fork) is None]
    failing = {_branch(risk.place, fork) for risk in found} - {None}
    if len(failing) > len(branches) - needed:
        what = f"fails if fewer than {needed} of its {len(branches)} branches succeed"
        outside.append(Risk(join, what, "move it"))
    return outside


def _branch(place: Place, fork: Step | None) -> str | None:
    """The branch of a fork in which a place stands."""
    for each in place.chain():
        if each.inside is not None and each.inside.step is fork:
            return each.branch
    return None


def _holds_pivot(part: Part, place: Place) -> bool:
    child = part.children.get(place.ref) if place.step.type == "SUB_WORKFLOW" else None
    return place.step.pivot or (child is not None and bool(child.pivots))


def _is_sure(part: Part, place: Place) -> bool:
    """Whether the pivot is passed when the place has ended well."""
    if place.step.optional:
        return False
    if place.step.pivot:
        return True
    child = part.children[place.ref]
    return not _ends_early(child.layout) and any(
        not any(each.inside and may_skip(each.inside.step) for each in pivot.chain())
        for pivot in child.sure
    )


def _ends_early(layout: Layout) -> bool:
    return any(
        place.step.type == "TERMINATE"
        and place.step.input_parameters.get("terminationStatus") == COMPLETED
        for place in layout.places
    )
