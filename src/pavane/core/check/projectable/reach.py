"""Refuses reads of data that may or may not be there: set or made in a branch side by side."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Place
from pavane.core.check.projectable.parts import Part
from pavane.core.check.projectable.reads import templates
from pavane.core.expressions.template import Read
from pavane.core.model.workflow import CHOICES


def check(part: Part) -> Iterator[str]:
    """Find guards and inputs that read what is not in their past."""
    setters = [  # those outside of all branches are before or behind whoever reads
        place for place in part.layout.places if place.step.type == "SET_VARIABLE" and place.forked
    ]
    for place, where, template, undoing in templates(part):
        name = place.name if place is not None else "The workflow's output"
        guard = place is not None and place.step.type in CHOICES
        what = f"its guard ({where})" if guard else where
        for read in template.reads:
            if read.root == "workflow" and read.path[:1] == ("variables",):
                found = _of_variables(part, place, read, setters)
            else:
                found = _of_step(part, place, read, undoing)
            yield from (f"{name}: {what} {text}" for text in found)


def _of_step(part: Part, place: Place | None, read: Read, undoing: bool) -> Iterator[str]:
    other = part.layout.by_ref.get(read.root)
    if place is None or other is None:
        return
    relation = part.ways.relation(place, other)
    if relation == "beside":
        yield (
            f"reads {read.root!r}, in a parallel branch, which may or may not have run by then; "
            "read it behind the JOIN, or put the two one behind the other."
        )
    elif relation == "after" and undoing:
        yield (
            f"reads {read.root!r}, which runs later and may or may not have run; give the undo "
            "what its own step knows."
        )
    elif relation == "after" and other.step.type == "JOIN":
        yield f"reads {read.root!r} before all of its branches have come together; read it behind."


def _of_variables(
    part: Part, place: Place | None, read: Read, setters: list[Place]
) -> Iterator[str]:
    name = str(read.path[1]) if len(read.path) > 1 else ""
    for setter in setters:
        names = [name] if name else list(setter.step.input_parameters)
        if not names or names[0] not in setter.step.input_parameters:
            continue
        relation = part.ways.relation(place, setter) if place is not None else "before"
        fork = _fork_around(setter, place)
        if relation == "beside":
            yield (
                f"reads the variable {names[0]!r}, which {setter.ref!r} sets in a parallel "
                "branch, perhaps before and perhaps after; read it behind the JOIN from the "
                "output of a step."
            )
        elif relation in ("before", "inside") and fork:
            yield (
                f"reads the variable {names[0]!r}, which {setter.ref!r} sets in a branch of "
                f"{fork!r}, and a variable does not come out of a branch; let an INLINE at the "
                "end of the branch make the value, and read its output."
            )
        elif place is not None and (loop := _handed_on_by(part, place, setter, names[0])):
            yield (
                f"reads the variable {names[0]!r}, which {setter.ref!r} sets in a parallel branch "
                f"in the loop {loop!r}, and the next iteration cannot know it: a variable does "
                "not come out of a branch; set it behind the JOIN, or before it is read."
            )


def _handed_on_by(part: Part, place: Place, setter: Place, name: str) -> str:
    """The loop around both that would have to take the variable out of a branch, or ""."""
    forks = [
        each.inside.loops()
        for each in setter.chain()
        if each.inside is not None and each.inside.step.type == "FORK_JOIN"
    ]
    for loop in place.loops():
        if not any(loop in loops for loops in forks):
            continue
        surely = (
            loop in other.loops() and part.ways.surely_before(other, place)
            for other in part.layout.places
            if other.step.type == "SET_VARIABLE" and name in other.step.input_parameters
        )
        if not any(surely):
            return loop
    return ""


def _fork_around(setter: Place, reader: Place | None) -> str:
    """The fork, not around the reader, in a branch of which a variable is set."""
    around = reader.chain() if reader is not None else []
    for each in setter.chain():
        fork = each.inside
        if fork is None or fork.step.type != "FORK_JOIN":
            continue
        if not any(other.inside is fork and other.branch == each.branch for other in around):
            return fork.ref
    return ""
