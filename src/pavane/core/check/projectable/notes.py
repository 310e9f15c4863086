"""Says what is allowed, and yet worth knowing before it happens."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.projectable.parts import Part


def notes_of(part: Part) -> Iterator[str]:
    """Where cancelling ends, and what runs beside undos."""
    deadline = f" or the deadline of {part.deadline_s:g} s" if part.deadline_s else ""
    for place in part.pivots:
        if place.step.pivot or deadline:
            pivot = "this pivot" if place.step.pivot else "the pivot in it"
            yield (
                f"{place.name}: once {pivot} is passed, an operator's cancel{deadline} comes too "
                "late, because there is no way back."
            )
    for place in part.layout.places:
        fork = place.before()
        count = place.step.join_count
        if place.step.type != "JOIN" or fork is None or count is None:
            continue
        branches = sum(map(bool, fork.fork_tasks))
        if count < branches:
            yield (
                f"{place.name}: it goes on when {count} of {branches} branches have succeeded, "
                "while the others are still being undone; what both touch must not depend on the "
                "order."
            )
