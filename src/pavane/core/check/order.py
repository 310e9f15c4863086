"""Refuses expressions that read a step which can never have run by then."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.core.check.layout import Layout, Place
from pavane.core.check.reads import parameters, reads_of
from pavane.core.model.workflow import CHOICES
from pavane.errors import ExpressionError


def check(layout: Layout) -> Iterator[str]:
    """Find reads of steps that come later, or that are in another case of the same SWITCH."""
    for place in layout.places:
        for where, value in parameters(place):
            try:
                reads = reads_of(value, where)
            except ExpressionError:  # found by another check
                continue
            for ref in dict.fromkeys(read.root for read in reads):
                other = layout.by_ref.get(ref)
                if other is None or ref == place.ref:
                    continue
                why = _never(place, other)
                if why:
                    yield f"{place.name}: {where} reads {ref!r}, {why}"


def _never(reader: Place, read: Place) -> str:
    """Why `read` can never have a value when `reader` begins, or ""."""
    one, other = reader.chain(), read.chain()
    depth = 0
    while depth < len(one) and depth < len(other) and one[depth].ref == other[depth].ref:
        depth += 1
    if depth in (len(one), len(other)):  # one holds the other: a step runs before what it holds
        if depth == len(one):
            return "which is inside it and runs later; read it behind the step."
        return ""
    mine, its = one[depth], other[depth]
    if mine.siblings is its.siblings:
        if its.index < mine.index or not all(map(_waited_for, one[depth + 1 :])):
            return ""
        if read.step.type == "JOIN" and its.index == mine.index + 1:
            return ""  # a view of what has arrived so far
        return "which runs later; read it in a step behind it."
    if one[depth - 1].step.type in CHOICES:
        return f"which runs only in {its.branch} of the same SWITCH; read what both cases know."
    return ""  # in a parallel branch: it may have run by then


def _waited_for(place: Place) -> bool:
    """Whether what follows the fork around this place can begin only when its branch has ended."""
    fork = place.inside
    if fork is None or fork.step.type != "FORK_JOIN":
        return True
    join = fork.behind()
    return join is not None and place.siblings[-1].ref in join.join_on
