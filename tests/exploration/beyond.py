"""Definitions that the page's model did not have, and what else may go wrong."""

from __future__ import annotations

from pavane.core.projection.choreography import Guard
from pavane.core.projection.reading import blocks as b
from tests.exploration.writing import (
    all_of,
    each,
    first,
    fork,
    loop,
    option,
    play,
    scope,
    some,
    told,
)

_STOP = b.Step("stop", "rs", kind="finish")
_BREAK = b.Step("break", "rb", kind="break")
_WAIT = b.Step("W", "rW", kind="wait")

NESTED = [  # coordinates are paths
    play("loop of 2 of (A, loop of 2 of X f) ⏱", 7, loop(2, "A", loop(2, "X f", ref="in"))),
    play("loop of 2 of for-each 0 or 2 of X f", 5, loop(2, each((0, 2), "X f")), deadline=False),
    play("for-each 1 or 2 of loop of 2 of X f ⏱", 7, each((1, 2), loop(2, "X f")), large=True),
    play(
        "for-each 1 or 2 of for-each 0 or 2 of X ⏱",
        5,
        each((1, 2), each((0, 2), "X", ref="in")),
        large=True,
    ),
    play(
        "loop of 2 of loop of 2 around caught T(X, Y f)",
        16,
        loop(2, loop(2, scope("T", "X, Y f", caught=True), ref="in")),
        deadline=False,
    ),
    play(
        "loop of 2 of for-each 1 or 2 of caught T(X f ⏱)",
        16,
        loop(2, each((1, 2), scope("T", "X f", deadline=True, caught=True))),
        deadline=False,
        large=True,
    ),
    play(
        "T caught (loop of 2 of (X, Y f)) → B f ⏱, a loop in a scope",
        4,
        scope("T", loop(2, "X, Y f"), caught=True),
        "B f",
    ),
    play(
        "loop of 2 of T(A, loop of 2 of X f) ⏱, a scope between loops",
        7,
        loop(2, scope("T", "A", loop(2, "X f", ref="in"))),
    ),
    play("A → list of 0 to 2 of (X, Y f) → B f ⏱", 4, "A", loop(2, "X, Y f", empty=True), "B f"),
    play(
        "loop of 2 of list of 0 to 2 of X f → B f ⏱",
        10,
        loop(2, loop(2, "X f", ref="in", empty=True)),
        "B f",
        large=True,
    ),
    play("loop of 2 of (optional X f, Y f) ⏱", 7, loop(2, option("X f"), "Y f")),
    play("loop of 2 of fork (X f, Y) → B f ⏱", 3, loop(2, fork("X f", "Y")), "B f", large=True),
    play("loop of 2 of (X, either end here or Y f) ⏱", 5, loop(2, "X", option(_STOP), "Y f")),
    play("loop of 2 of (X, either break off or Y) ⏱", 3, loop(2, "X", option(_BREAK), "Y")),
    play("A f → loop of 2 of P! → B ⏱", 3, "A f", loop(2, "P !"), "B"),
    play("fork (loop of 2 of X f, A) → B f ⏱", 3, fork(loop(2, "X f"), "A"), "B f", large=True),
    play(
        "loop of 2 of (X, Y f), operator's cancel, processes die",
        3,
        loop(2, "X, Y f"),
        deadline=False,
        stops=frozenset([""]),
        lost="X",
    ),
    play(
        "loop of 2 of X → B f ⏱, undo of X parks, a person helps",
        3,
        loop(2, "X"),
        "B f",
        undo_parks="X",
        human=True,
    ),
    play(
        "loop of 2 of (X, Y) → B f ⏱, Y may be dead-lettered", 3, loop(2, "X, Y"), "B f", dead="Y"
    ),
    play(
        "loop of 2 of T(any (A, B f), C) → D f, losers of a scope in a loop",
        7,
        loop(2, scope("T", some("A", "B f"), "C")),
        "D f",
        deadline=False,
        large=True,
    ),
]

PIVOTS = [  # a pivot that fails takes everything back; one that has perhaps happened nothing
    play("A → P! f → B ⏱", 2, "A, P ! f, B"),
    play("A → T(B, P! f ⏱) → D ⏱", 2, "A", scope("T", "B, P ! f", deadline=True), "D"),
    play("A → T(B, U(P! f)) → D ⏱, two doors", 2, "A", scope("T", "B", scope("U", "P ! f")), "D"),
    play("A → T caught (B, P! f) → D ⏱", 3, "A", scope("T", "B, P ! f", caught=True), "D"),
    play("A f → P! f → Q! ⏱, a second pivot", 2, "A f, P ! f, Q !"),
    play("fork (A, P! f) → B ⏱", 2, fork("A", "P ! f"), "B"),
    play(
        "A → fork (T(P! f), U(Q!)) ⏱, two that ask",
        2,
        "A",
        fork(scope("T", "P ! f"), scope("U", "Q !")),
        human=True,
        large=True,
    ),
    play("A → P! f → fork (Q!, B) ⏱", 2, "A, P ! f", fork("Q !", "B"), large=True),
    play("A → P! f l → B ⏱", 2, "A, P ! f l, B", human=True),
    play("A → T(B, P! f l) → D ⏱", 2, "A", scope("T", "B, P ! f l"), "D", human=True),
    play(
        "A → P! f → B ⏱, processes die", 2, "A, P ! f, B", lost="P B", retries={"P": 1}, human=True
    ),
    play("A → P! → B ⏱, its token is dead", 2, "A, P !, B", dead="P"),
    play("A → P! → B ⏱, the token behind it is dead", 2, "A, P !, B", dead="B", human=True),
]

ENDS = [  # optional steps, ends in the middle, waits
    play("A → X? f → B f ⏱", 3, "A, X ? f, B f"),
    play("A → X? f l → B f ⏱", 3, "A, X ? f l, B f"),
    play("A → X? l, nothing behind it", 2, "A, X ? l", deadline=False),
    play("A → either end here or B f ⏱", 3, "A", option(_STOP), "B f"),
    play("A → either break off or B ⏱", 2, "A", option(_BREAK), "B"),
    play(
        "A → T caught (B, either break off or C) → D",
        2,
        "A",
        scope("T", "B", option(_BREAK), "C", caught=True),
        "D",
        deadline=False,
    ),
    play("A → wait f → B ⏱", 2, "A", b.Step("W", "rW", kind="wait", fallible=True), "B"),
    play("any (wait, A) → B ⏱", 3, some(scope("TW", _WAIT), "A"), "B", large=True),
]

MISHAPS = [
    play("A → B → C f, operator's cancel", 2, "A, B, C f", deadline=False, stops=frozenset([""])),
    play("A → P! → B, operator's cancel", 2, "A, P !, B", deadline=False, stops=frozenset([""])),
    play("A → B → C f ⏱, processes die", 2, "A, B, C f", lost="A B"),
    play(
        "A → T(B, C f ⏱) → D, processes die",
        2,
        "A",
        scope("T", "B, C f", deadline=True),
        "D",
        lost="A T/B",
    ),
    play("A → B f → C f ⏱, B is tried again", 2, "A, B f, C f", retries={"B": 1}),
    play("A → B f l → C f ⏱, B is tried again", 2, "A, B f l, C f", retries={"B": 1}, lost="B"),
    play(
        "A → B → C f ⏱, undo of B parks, a person helps",
        2,
        "A, B, C f",
        undo_parks="B",
        redrives=True,
    ),
    play(
        "A → T(B, C) → D f ⏱, undo of B in T parks, a person helps",
        2,
        "A",
        scope("T", "B, C"),
        "D f",
        undo_parks="T/B",
        redrives=True,
    ),
    play(
        "any (A, B) → C f ⏱, undo of A parks",
        3,
        some("A", "B"),
        "C f",
        undo_parks="TA/A",
        human=True,
        large=True,
    ),
    play(
        "any (A f, B) → C, the token of B's branch is dead",
        3,
        some("A f", "B"),
        "C",
        deadline=False,
        dead="TB",
        large=True,
    ),
    play(
        "A → T caught (B) → C, the token of T is dead",
        2,
        "A",
        scope("T", "B", caught=True),
        "C",
        deadline=False,
        dead="T",
    ),
    play(
        "first of the steps A, B → C f ⏱, undo of A parks",
        3,
        first("A", "B"),
        "C f",
        undo_parks="A/A",
        human=True,
        large=True,
    ),
    play(
        "first of the steps A, B → P!, undo of A parks, a person helps",
        2,
        first("A", "B"),
        "P !",
        deadline=False,
        undo_parks="A/A",
        redrives=True,
    ),
    play("2 of the steps A, B, C f", 3, first("A", "B", "C f", need=2), deadline=False),
    play("2 of (A f, B f, C f) → D f ⏱", 4, some("A f", "B f", "C f", need=2), "D f", large=True),
    play(
        "T caught (2 of (A, B, C) ⏱) → D f",
        5,
        scope("T", some("A", "B", "C", need=2), deadline=True, caught=True),
        "D f",
        deadline=False,
        large=True,
    ),
]

_YES = Guard("choice", "yes")

DATA = [  # values that are told straight to those who read them
    play("A → B → C f ⏱, C reads A", 2, "A, B, C f", data=told("A:out", "C")),
    play("A → B f l → C ⏱, C reads A", 2, "A, B f l, C", data=told("A:out", "C"), lost="A"),
    play(
        "A → optional X f → B → C ⏱, C reads X",
        3,
        "A",
        option("X f"),
        "B, C",
        data=all_of(told("X:out", "C", _YES), told("choice:out", "C")),
    ),
    play(
        "A → fork (B f, C) → D ⏱, C reads A, D reads B",
        2,
        "A",
        fork("B f", "C"),
        "D",
        data=all_of(told("A:out", "C"), told("B:out", "D")),
        large=True,
    ),
    play(
        "A → P! → B ⏱, the pivot reads A, B reads A",
        2,
        "A, X, P !, B",
        data=all_of(told("A:out", "P"), told("A:out", "B")),
    ),
    play(
        "A → T(B, C f ⏱) → D ⏱, T and D read A",
        2,
        "A, X",
        scope("T", "B, C f", deadline=True),
        "D",
        data=all_of(told("A:out", "T"), told("A:out", "D")),
        large=True,
    ),
    play(
        "A → loop of 2 (X, Y f) ⏱, Y reads A and X",
        3,
        "A",
        loop(2, "X, V, Y f"),
        data=all_of(told("A:out", "Y"), told("X:out", "Y")),
    ),
    play(
        "A → loop of 2 (optional Y f), Y reads A",
        5,
        "A, V",
        loop(2, option("Y f")),
        deadline=False,
        data=told("A:out", "Y"),
    ),
    play(
        "any (A A2, B f) → C f ⏱, A2 reads A",
        3,
        some("A, A2", "B f"),
        "C f",
        data=told("TA/A:out", "TA/A2"),
        large=True,
    ),
]

BEYOND_THE_PAGE = [*NESTED, *PIVOTS, *ENDS, *MISHAPS, *DATA]
