"""Definitions to explore: those of the protocol's page, and what its model did not have.

In the names: f = may fail, l = may time out with late success, ! = pivot, ⏱ = deadline at any
moment. Every step has a role of its own unless it says otherwise, so that all messages travel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pavane.core.check.explore import Mishaps
from pavane.core.projection import blocks as b
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.graph import build

_FLAGS = {"f": "fallible", "l": "late", "!": "pivot", "?": "optional"}


class Scenario(msgspec.Struct, frozen=True):
    """A definition, what may go wrong with it, and how many outcomes there are."""

    name: str
    root: b.Sub
    outcomes: int  # of the conductor; on the page, where it is there
    mishaps: Mishaps = Mishaps()
    large: bool = False  # not within a few seconds

    @property
    def choreography(self) -> Choreography:
        return build(self.root)

    @property
    def apart(self) -> Choreography:
        """Each home, join, fork, choice and loop a role of its own: every message travels."""
        made = build(self.root)
        for scope in made.scopes.values():
            scope.home = f"home of {scope.path or 'all'}"
        for node in made.nodes.values():
            node.role = f"at {node.id}"
            if node.kind in ("scope", "end"):
                node.role = made.scopes[node.child or node.scope].home
        for scope in made.scopes.values():
            owners = [made.nodes[id].role for id in scope.nodes if made.nodes[id].kind != "end"]
            scope.members = tuple(dict.fromkeys(owners))
        made.roles = tuple(sorted({node.role for node in made.nodes.values()}))
        return made


def step(text: str, role: str = "", **more: Any) -> b.Step:
    """`A`, or with flags: `A f l`, `P !`."""
    ref, *flags = text.split()
    return b.Step(ref, role or f"r{ref}", **{_FLAGS[flag]: True for flag in flags}, **more)


def line(text: str) -> list[b.Block]:
    """Steps one after the other: `A, B f`."""
    return [step(each) for each in text.split(",")]


def root(*body: b.Block, deadline: bool = True) -> b.Sub:
    return b.Sub("w", body, deadline=deadline)


def scope(ref: str, *body: b.Block | str, deadline: bool = False, caught: bool = False) -> b.Sub:
    return b.Sub(ref, _body(body), deadline=deadline, caught=caught)


def fork(*branches: str | Sequence[b.Block], ref: str = "fork", **more: Any) -> b.Fork:
    return b.Fork(ref, [line(x) if isinstance(x, str) else x for x in branches], **more)


def some(*branches: str | b.Sub, need: int = 1, ref: str = "some") -> b.Some:
    """Each branch a scope: `A1, A2` stands in a scope named after its first step."""
    subs = [x if isinstance(x, b.Sub) else scope("T" + x.split(",")[0].split()[0], x) for x in branches]
    return b.Some(ref, subs, need=need)


def each(counts: Sequence[int], *body: b.Block | str, ref: str = "each") -> b.Each:
    return b.Each(ref, _body(body), counts=counts)


def loop(times: int, *body: b.Block | str, ref: str = "loop", role: str = "") -> b.Loop:
    return b.Loop(ref, _body(body), times=times, role=role)


def option(*body: b.Block | str, ref: str = "choice") -> b.Choice:
    return b.Choice(ref, {"yes": _body(body)})


def _body(body: Sequence[b.Block | str]) -> list[b.Block]:
    found: list[b.Block] = []
    for part in body:
        found += line(part) if isinstance(part, str) else [part]
    return found


def _chain() -> b.Sub:
    return root(*line("A, B, C f"))


OF_THE_PAGE = [
    Scenario("fork all (pay f, inv f) → ship ⏱", root(fork("pay f", "inv f"), step("ship")), 2),
    Scenario(
        "fork all (pay f l, inv l) → ship f ⏱, other join owner",
        root(fork("pay f l", "inv l", join_role="rother"), step("ship f")),
        2,
    ),
    Scenario("A → B → C f ⏱", _chain(), 2),
    Scenario("A → B → C f ⏱, undo of B fails once", _chain(), 2, Mishaps(undo_fails={"B": 1})),
    Scenario(
        "A → B → C f ⏱, undo of B parks for good", _chain(), 2, Mishaps(undo_parks=frozenset("B"))
    ),
    Scenario("A → B l → C f ⏱", root(*line("A, B l, C f")), 2),
    Scenario("A → B → C f ⏱, B may be dead-lettered", _chain(), 2, Mishaps(dead=frozenset("B"))),
    Scenario("A f → P! → B ⏱", root(*line("A f, P !, B")), 2),
    Scenario(
        "fork (A f, B f) → P! → fork (C, D) ⏱",
        root(fork("A f", "B f"), step("P !"), fork("C", "D", ref="fork2")),
        2,
    ),
    Scenario(
        "A → T(B, C f ⏱) → D f ⏱, inner abort propagates",
        root(step("A"), scope("T", "B, C f", deadline=True), step("D f")),
        2,
    ),
    Scenario(
        "A → T(B, C f) → D f ⏱, inner abort is caught",
        root(step("A"), scope("T", "B, C f", caught=True), step("D f")),
        3,
    ),
    Scenario(
        "fork (T(A, B f ⏱), C f) ⏱", root(fork([scope("T", "A, B f", deadline=True)], "C f")), 2
    ),
    Scenario(
        "A → T caught (B, U(C f ⏱)) → D f ⏱, three levels",
        root(
            step("A"),
            scope("T", step("B"), scope("U", "C f", deadline=True), caught=True),
            step("D f"),
        ),
        3,
    ),
    Scenario(
        "A → T(B, P! ⏱) → D ⏱, pivot asks outwards",
        root(step("A"), scope("T", "B, P !", deadline=True), step("D")),
        2,
    ),
    Scenario(
        "caught time-out: T(A l) → B f ⏱", root(scope("T", "A l", caught=True), step("B f")), 3
    ),
    Scenario(
        "caught dead letter: T(A, A2) → B f ⏱",
        root(scope("T", "A, A2", caught=True), step("B f")),
        3,
        Mishaps(dead=frozenset({"T/A2"})),
    ),
    Scenario(
        "dead letter in a branch of any: any (A A2, B) → C f",
        root(some("A, A2", "B"), step("C f"), deadline=False),
        3,
        Mishaps(dead=frozenset({"TA/A2"})),
    ),
    Scenario("any (A, B f) → C f", root(some("A", "B f"), step("C f"), deadline=False), 3),
    Scenario("any (A l, B f) → C f ⏱", root(some("A l", "B f"), step("C f")), 3),
    Scenario("any (A1 A2, B1 B2 f) → C f ⏱", root(some("A1, A2", "B1, B2 f"), step("C f")), 3),
    Scenario("any (A, B f) → P! ⏱", root(some("A", "B f"), step("P !")), 3),
    Scenario(
        "T(any (A, B f), C) → D f ⏱, any in a nested scope",
        root(scope("T", some("A", "B f"), "C"), step("D f")),
        3,
    ),
    Scenario(
        "any (any (A, B), C) ⏱, any in any",
        root(some(scope("TT", some("A", "B", ref="inner")), "C")),
        4,
    ),
    Scenario("2 of (A, B, C f)", root(some("A", "B", "C f", need=2), deadline=False), 3),
    Scenario(
        "for-each 0, 2 or 3 of X f → Y",
        root(each((0, 2, 3), "X f"), step("Y"), deadline=False),
        4,
    ),
    Scenario("for-each 1 or 2 of X f → Y ⏱", root(each((1, 2), "X f"), step("Y")), 3),
    Scenario("for-each 1 or 2 of (X Y f) ⏱", root(each((1, 2), "X, Y f")), 3),
    Scenario(
        "for-each 1 or 2 of any (A, B f)",
        root(each((1, 2), some("A", "B f")), deadline=False),
        6,
        large=True,
    ),
    Scenario(
        "for-each 0 or 2 of caught T(X Y f) → Z f ⏱",
        root(each((0, 2), scope("T", "X, Y f", caught=True)), step("Z f")),
        5,
        large=True,
    ),
    Scenario("A → optional X f → B ⏱", root(step("A"), option("X f"), step("B")), 3),
    Scenario("fork (A → optional X f, B) ⏱", root(fork([step("A"), option("X f")], "B")), 3),
    Scenario("optional X → B, no deadline", root(option("X"), step("B"), deadline=False), 2),
    Scenario("A → loop of 2 (X, Y f) ⏱", root(step("A"), loop(2, "X, Y f")), 3),
    Scenario(
        "loop of 2 around caught T(X, Y f) → B f, a retried scope",
        root(loop(2, scope("T", "X, Y f", caught=True)), step("B f"), deadline=False),
        5,
    ),
    Scenario("loop of 2 of any (A, B) ⏱", root(loop(2, some("A", "B"))), 7, large=True),
    Scenario(
        "roles shared by several steps and owners, loop ⏱",
        root(step("A", "r1"), loop(2, step("X", "r2"), step("Y f", "r1"), role="r2")),
        3,
    ),
]
