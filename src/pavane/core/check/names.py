"""Refuses reference names that are missing, used twice, or that expressions cannot spell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pavane.core.check.layout import Layout
from pavane.core.decide.nodes import UNDO

_UNSPEAKABLE = ".$`{}[]()'\"\\"
_LENGTH_MAX = 200
_NUMBERED = re.compile(r"(.+)__[1-9][0-9]*", re.DOTALL)
_RESERVED = frozenset({"workflow"})


def check(layout: Layout) -> Iterator[str]:
    """Find bad, missing and doubled names."""
    if not layout.places:
        yield "It has no steps; give it at least one in `tasks`."
    counts: dict[str, int] = {}
    for place in layout.places:
        counts[place.ref] = counts.get(place.ref, 0) + 1
        if not place.ref:
            what = place.step.name or place.step.type
            yield f"A step ({what}) has no taskReferenceName; give it one of its own."
        else:
            yield from (f"{place.name}: {text}" for text in _bad(place.ref))
            if (found := _NUMBERED.fullmatch(place.ref)) and _in_loop(layout, found[1]):
                yield (
                    f"{place.name}: it could not be told from an iteration of {found[1]!r}, which "
                    "is inside a loop; name it differently."
                )
    for ref, count in counts.items():
        if ref and count > 1:
            yield (
                f"Step {ref!r}: {count} steps have this taskReferenceName; "
                "give each one of its own."
            )


def _in_loop(layout: Layout, ref: str) -> bool:
    """Whether a step of that name (or of one that it ends with) is inside a loop."""
    while ref not in layout.by_ref and (found := _NUMBERED.fullmatch(ref)):
        ref = found[1]
    place = layout.by_ref.get(ref)
    return place is not None and any(p.step.type == "DO_WHILE" for p in place.chain()[:-1])


def _bad(ref: str) -> Iterator[str]:
    if ref.startswith(UNDO):
        yield f"its name begins with {UNDO!r}, which is kept for undos; name it differently."
        return
    if ref in _RESERVED:
        yield f"{ref!r} means the execution itself in expressions; name it differently."
    wrong = [char for char in ref if char in _UNSPEAKABLE or not char.isprintable()]
    if wrong:
        yield (
            f"its name contains {wrong[0]!r}, which expressions cannot spell; "
            "use letters, digits, spaces, `_` and `-`."
        )
    if ref != ref.strip():
        yield "its name begins or ends with a space; remove it."
    if len(ref) > _LENGTH_MAX:
        yield f"its name is longer than {_LENGTH_MAX} characters; shorten it."
