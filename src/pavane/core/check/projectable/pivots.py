"""Refuses what could fail when there is no way back any more."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Place
from pavane.core.check.projectable.parts import Part, counting_fork


def check(part: Part) -> Iterator[str]:
    """Find risks that are not strictly before the pivot, and pivots where none may be."""
    for pivot in part.pivots:
        yield from _alone(part, pivot)
        yield from _order(part, pivot)


def _alone(part: Part, pivot: Place) -> Iterator[str]:
    fork = counting_fork(pivot)
    if fork is not None:
        yield (
            f"{pivot.name}: {_name(pivot)} stands in a branch of {fork.ref!r} that may lose, and "
            "would then be beyond return; put it behind the JOIN."
        )
    child = part.children.get(pivot.ref)
    if child is not None and not child.choreographed and child.pivots:
        yield (
            f"{pivot.name}: a pivot in an orchestrated scope cannot ask the choreography around "
            "it whether it may be passed; make the scope choreographed, or put the pivot behind "
            "it."
        )


def _order(part: Part, pivot: Place) -> Iterator[str]:
    for risk in part.risks:
        if risk.place in part.pivots and (risk.place is not pivot or not pivot.loops()):
            continue  # one pivot too many is said below
        stands = part.ways.may_follow(pivot, risk.place)
        if risk.place is pivot:
            yield (
                f"{pivot.name}: {_name(pivot)} {risk.what}, and it runs again in a later iteration "
                f"of {pivot.loops()[-1]!r}, when there is no way back any more; put it behind the "
                'loop, or let its task be tried until it succeeds (`retries="forever"`).'
            )
        elif stands:
            yield (
                f"{risk.place.name}: it {risk.what}, and stands {stands} {_name(pivot)}, when "
                f"there is no way back any more; {risk.remedy} in front of the pivot."
            )
    for other in part.pivots:
        relation = part.ways.relation(pivot, other)
        later = relation == "beside" and part.pivots.index(pivot) < part.pivots.index(other)
        if relation == "after" or later:
            stands = "behind" if relation == "after" else "beside"
            yield (
                f"{other.name}: {_name(other)} stands {stands} {_name(pivot)}, and a run has one "
                "point of no return; keep one of them, and let the other be tried until it "
                'succeeds (`retries="forever"`).'
            )


def _name(place: Place) -> str:
    return f"the pivot {place.ref!r}" if place.step.pivot else f"the pivot in {place.ref!r}"
