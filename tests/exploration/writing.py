"""How definitions to explore are written down in tests: short, with flags behind the names.

Flags: f = may fail, l = may time out with late success, ! = pivot, ? = optional; in the names of
scenarios ⏱ = a deadline at any moment. A step `A` has a role of its own, `rA`, so that all messages
travel, unless it is written `A@role`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pavane.core.check.explore import Mishaps
from pavane.core.projection.choreography import Choreography, Guard, Want
from pavane.core.projection.reading import blocks as b
from pavane.core.projection.reading.graph import build

Part = b.Block | str
Data = Callable[[Choreography], None]

_FLAGS = {"f": "fallible", "l": "late", "!": "pivot", "?": "optional"}


class Scenario(msgspec.Struct, frozen=True):
    """A definition, how many outcomes a conductor has for it, and what may go wrong."""

    name: str
    outcomes: int
    root: b.Sub
    mishaps: Mishaps
    human: bool = False  # may end with a call for a person
    large: bool = False  # too large for the standard run when all owners are apart
    data: Data | None = None

    @property
    def together(self) -> Choreography:
        """Homes, joins, forks and loops at the roles that the product would choose."""
        return self._with_data(build(self.root))

    @property
    def apart(self) -> Choreography:
        """Each home, join, fork, choice and loop a role of its own: every message travels."""
        made = build(self.root)
        for scope in made.scopes.values():
            scope.home = f"home of {scope.path or 'all'}"
        for node in made.nodes.values():
            node.role = f"at {node.loop or node.id}"
            if node.kind in ("scope", "end"):
                node.role = made.scopes[node.child or node.scope].home
        for scope in made.scopes.values():
            owners = [made.nodes[id].role for id in scope.nodes if made.nodes[id].kind != "end"]
            scope.members = tuple(dict.fromkeys(owners))
        made.roles = tuple(sorted({node.role for node in made.nodes.values()}))
        return self._with_data(made)

    def _with_data(self, made: Choreography) -> Choreography:
        if self.data is not None:
            self.data(made)
        return made


def play(
    name: str,
    outcomes: int,
    *body: Part,
    deadline: bool = True,
    human: bool = False,
    large: bool = False,
    data: Data | None = None,
    **wrong: Any,
) -> Scenario:
    """A scenario; what goes wrong is written as text: `lost="A B"`."""
    split: dict[str, Any] = {
        key: frozenset(told.split()) if isinstance(told, str) else told
        for key, told in wrong.items()
    }
    root = b.Sub("w", listed(*body), deadline=deadline)
    return Scenario(name, outcomes, root, Mishaps(**split), human, large, data)


def listed(*body: Part) -> list[b.Block]:
    """Blocks, and steps written as text: `A, B f`."""
    found: list[b.Block] = []
    for part in body:
        found += map(step, part.split(",")) if isinstance(part, str) else [part]
    return found


def step(text: str, **more: Any) -> b.Step:
    """`A`, with flags and role: `A@r1 f l`."""
    name, *flags = text.split()
    ref, _, role = name.partition("@")
    return b.Step(ref, role or f"r{ref}", **{_FLAGS[flag]: True for flag in flags}, **more)


def scope(ref: str, *body: Part, deadline: bool = False, caught: bool = False) -> b.Sub:
    return b.Sub(ref, listed(*body), deadline=deadline, caught=caught)


def fork(*branches: Part | tuple[Part, ...], ref: str = "fork", join_role: str = "") -> b.Fork:
    """Each branch text, a block, or several of them."""
    split = [branch if isinstance(branch, tuple) else (branch,) for branch in branches]
    return b.Fork(ref, [listed(*branch) for branch in split], join_role=join_role)


def some(*branches: str | b.Sub, need: int = 1, ref: str = "some") -> b.Some:
    """Each branch a scope; that of the text `A1, A2` is called `TA1`."""
    scopes = [
        scope(f"T{branch.replace(',', ' ').split()[0]}", branch)
        if isinstance(branch, str)
        else branch
        for branch in branches
    ]
    return b.Some(ref, scopes, need=need)


def first(*branches: str, need: int = 1, ref: str = "first") -> b.Some:
    """Each branch one step, which is a scope of its own name that people do not see."""
    scopes = [b.Sub(made.ref, [made], alone=True) for made in map(step, branches)]
    return b.Some(ref, scopes, need=need)


def each(counts: Sequence[int], *body: Part, ref: str = "each") -> b.Each:
    return b.Each(ref, listed(*body), counts=counts)


def loop(times: int, *body: Part, ref: str = "loop", role: str = "", empty: bool = False) -> b.Loop:
    """At most so many iterations; `empty`: over a list, so that there may be none."""
    return b.Loop(ref, listed(*body), times=times, role=role, listed=empty)


def option(*body: Part, ref: str = "choice") -> b.Choice:
    """Taken or not."""
    return b.Choice(ref, {"yes": listed(*body)})


def told(value: str, reader: str, *guards: Guard) -> Data:
    """A node reads what another has made, and the maker tells it straight."""

    def wire(made: Choreography) -> None:
        maker, there = made.nodes[value.removesuffix(":out")], made.nodes[reader]
        made.makers = {**made.makers, value: maker.id}
        there.wants = (*there.wants, Want(value, guards))
        known = made.readers.get((there.role, value), ())
        made.readers = {**made.readers, (there.role, value): (*known, reader)}
        if there.role != maker.role:
            maker.tells = {**maker.tells, there.role: (*maker.tells.get(there.role, ()), value)}

    return wire


def all_of(*wires: Data) -> Data:
    def wire(made: Choreography) -> None:
        for each in wires:
            each(made)

    return wire
