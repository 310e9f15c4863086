"""The nodes of a plan; those inside a loop once for each iteration, made when they are asked for.

An iteration's steps are named as Conductor names them: `ship__2` is the step `ship` of the second
iteration, and in a loop in a loop `ship__2__3` of the third one inside it. A node knows its
neighbours by the names of its own iteration, so whoever walks the graph need not know of loops.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Final

import msgspec
from msgspec import structs

from pavane.core.decide.races import SHOWN
from pavane.core.decide.retries import Policy
from pavane.core.decide.roots import View
from pavane.core.expressions.evaluator import Expression
from pavane.core.expressions.template import Read, Template
from pavane.core.model.rows import Key
from pavane.core.model.workflow import Step

UNDO: Final = "undo:"
AGAIN: Final = "again:"  # with a number and a loop: what follows the last step of that iteration
_KEPT_MAX = 4096  # nodes of iterations that are kept at hand
_NUMBERED = re.compile(r"(.+)__([1-9][0-9]*)", re.DOTALL)

Path = tuple[int, ...]
"""The iteration of each loop around a step, the outermost first."""


class UndoPlan(msgspec.Struct, frozen=True):
    """The undo of a step: the task, its input and its policy."""

    name: str
    service: str
    template: Template
    policy: Policy


class Node(msgspec.Struct):
    """A step and its place in the graph. Filled once, when the plan is made."""

    step: Step
    ref: str
    type: str
    template: Template
    policy: Policy
    service: str = ""
    fallbacks: Mapping[str, Template] = {}  # for inputs that turn out to be null
    expression: Expression | None = None
    undo: UndoPlan | None = None
    reversible: bool = False  # it has an undo, or is an execution that may have
    next: str = ""  # what follows; "" at the end of a branch or of the workflow
    fork: str = ""  # innermost FORK_JOIN around it
    joins: tuple[str, ...] = ()  # the JOINs that wait for it
    early: tuple[str, ...] = ()  # those that fire before its branch has ended; of a JOIN such steps
    before: str = ""  # the step in front of it; "" when it is the first of its list
    inside: str = ""  # then: the step whose list it begins; "" for the workflow
    cases: Mapping[str, tuple[str, str]] = {}  # SWITCH: case to first and last step
    default: tuple[str, str] = ("", "")
    branches: tuple[tuple[str, str], ...] = ()  # FORK_JOIN: first and last of each branch
    join: str = ""  # FORK_JOIN: the JOIN that follows
    join_on: tuple[str, ...] = ()
    of_fork: str = ""  # JOIN: its FORK_JOIN
    race: str = ""  # of a branch, and of its fork: their JOIN, where it has a `joinCount`
    body: tuple[str, ...] = ()  # DO_WHILE: what is directly in it, the first step first
    last: str = ""  # DO_WHILE: the last step of an iteration
    condition: Template | None = None  # DO_WHILE: whether there is another iteration
    loops: tuple[str, ...] = ()  # the DO_WHILEs around it, the outermost first
    path: Path = ()  # which iteration of each
    options: Step | None = None  # FORK_JOIN_DYNAMIC: what it says of all its branches
    branch: bytes = b""  # of a branch made at run time: what its row carries of it (branches.py)
    keys: frozenset[Key] = frozenset()  # what beginning it reads
    views: Mapping[str, View] | None = None  # the same, as its template sees it
    after: frozenset[Key] = frozenset()  # what completing it reads, as far as it is known


class Nodes(dict[str, Node]):
    """The nodes by name. `nodes[name]` also gives those of an iteration; KeyError where none is."""

    def __init__(self) -> None:
        super().__init__()
        self._iterations: dict[str, Node] = {}

    def __missing__(self, ref: str) -> Node:
        node = self.find(ref)
        if node is None:
            raise KeyError(ref)
        return node

    def find(self, ref: str) -> Node | None:
        """The node of a step's name, None where there is no such step."""
        node = super().get(ref) or self._iterations.get(ref)
        if node is None:
            base, path = parted(ref, self)
            node = super().get(base)
            if node is None or len(path) != len(node.loops):
                return None
            node = self._bound(node, path)
            if len(self._iterations) >= _KEPT_MAX:
                self._iterations.clear()
            self._iterations[ref] = node
        return node

    def named(self, ref: str, path: Path) -> str:
        """The name of a step (or of what follows an iteration) in these iterations; "" of ""."""
        if not path or not ref:
            return ref
        if ref.startswith(AGAIN):
            loop = self[ref.removeprefix(AGAIN)]
            depth = len(loop.loops)
            return f"{AGAIN}{path[depth]}:{numbered(loop.ref, path[:depth])}"
        return numbered(ref, path[: len(self[ref].loops)])

    def keys_of(self, reads: Iterable[Read], place: Node | None = None) -> set[Key]:
        """The rows of steps that reads of a template touch at a place, as far as that is known."""
        found: set[Key] = set()
        for read in reads:
            node = super().get(read.root)
            if node is None:
                continue
            ref, path = self.within(node, place)
            found.add(("task", ref))
            if node.type == "JOIN" and ref == read.root:
                shown = read.path[1:2]
                refs = shown if shown and shown[0] in node.join_on else node.join_on
                if node.step.join_count is not None and shown and shown[0] in SHOWN:
                    refs = ()
                found.update(("task", str(each)) for each in refs)
            elif node.type == "JOIN" and len(path) == len(node.loops):
                found.update(("task", self.named(each, path)) for each in node.join_on)
        return found

    def within(self, node: Node, place: Node | None) -> tuple[str, Path]:
        """The name of what a place means by a step, and the iterations that the place knows.

        Where the step is inside a loop that the place is not in, the name is that of the loop: how
        far it has come stands in its row.
        """
        loops, path = (place.loops, place.path) if place is not None else ((), ())
        shared = 0
        for one, other in zip(node.loops, loops, strict=False):
            if one != other:
                break
            shared += 1
        path = path[:shared]
        name = node.ref if shared == len(node.loops) else node.loops[shared]
        return numbered(name, path), path

    def _bound(self, node: Node, path: Path) -> Node:
        def at(ref: str) -> str:
            return self.named(ref, path)

        def ends(pair: tuple[str, str]) -> tuple[str, str]:
            return at(pair[0]), at(pair[1])

        bound = structs.replace(
            node,
            ref=numbered(node.ref, path),
            path=path,
            next=at(node.next),
            fork=at(node.fork),
            joins=tuple(map(at, node.joins)),
            early=tuple(map(at, node.early)),
            before=at(node.before),
            inside=at(node.inside),
            cases={case: ends(pair) for case, pair in node.cases.items()},
            default=ends(node.default),
            branches=tuple(map(ends, node.branches)),
            join=at(node.join),
            join_on=tuple(map(at, node.join_on)),
            of_fork=at(node.of_fork),
            race=at(node.race),
        )
        values = {key for key in node.keys if key[0] != "task"}
        bound.keys = frozenset(values | self.keys_of(node.template.reads, bound))
        after: set[Key] = {("task", join) for join in bound.joins}
        if bound.next.startswith(AGAIN):
            after.add(("task", numbered(node.loops[-1], path[:-1])))
        elif bound.next:
            following = self[node.next]
            after.update(key for key in following.keys if key[0] != "task")
            after |= self.keys_of(following.template.reads, bound)
        bound.after = frozenset(after)
        return bound


def parted(ref: str, known: Container[str]) -> tuple[str, Path]:
    """The name of a step in the definition, and the iterations in which it is."""
    path: Path = ()
    while ref not in known and (found := _NUMBERED.fullmatch(ref)):
        ref, path = found[1], (int(found[2]), *path)
    return ref, path


def numbered(ref: str, path: Iterable[int]) -> str:
    """The name of a step in these iterations."""
    return ref + "".join(f"__{each}" for each in path)
