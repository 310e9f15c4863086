"""A workflow laid out for dancers: nodes with owners, scopes with homes, and what goes where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from pavane.core.decide.nodes import Node as PlanNode
from pavane.core.decide.nodes import numbered, parted
from pavane.core.decide.plan import Plan
from pavane.core.model.task_definition import TaskDefinition
from pavane.core.model.workflow import Workflow
from pavane.core.projection.message import At

# A value is named after the node that makes it, and this; that of a scope's opening after its path.
INPUT = ":input"
OUT = ":out"
IN = ":in"
ITEM = ":given"  # of an item of a for-each: what it begins with, which its fork works out

# Nodes that are no step of the definition are named after the step that they are made of, and this.
EACH_ITEM = ":item"  # of a for-each
EACH_ITERATION = ":each"
ITERATION_ENDS = ":again"
MADE = (EACH_ITEM, EACH_ITERATION, ITERATION_ENDS)

# Members of the value of a loop, and of an iteration.
SHOWN = "output"  # as expressions see it
HANDED_ON = "variables"
LEFT = "left"  # loop: what its newest iteration left, by the names of values

_ITEM_NAME: Final = re.compile(r"(0|[1-9][0-9]*)((?:__[1-9][0-9]*)*)")

Path = tuple[str | int, ...]
"""Members and indexes below a value."""

Kind = Literal[
    "step",  # a task of a service
    "wait",
    "instant",  # NOOP, INLINE, SET_VARIABLE, FORK_JOIN: done as soon as it begins
    "meet",  # EXCLUSIVE_JOIN: the same, with the output of the way that was taken
    "break",  # TERMINATE FAILED or TERMINATED: the scope fails here
    "finish",  # TERMINATE COMPLETED: on to the end
    "publish",  # EVENT: an event goes out with the transaction
    "choice",
    "join",
    "each",
    "loop",  # DO_WHILE: open from its first iteration to its last
    "iteration",  # begins one: what it is about, what the one before hands on
    "again",  # ends one: whether there is another
    "scope",
    "end",
]
VIEWED = frozenset({"join", "loop"})
"""Kinds of nodes whose output is put together of those of others."""
UNSEEN = frozenset({"end", "iteration", "again"})
"""Kinds of nodes that are no steps to people."""
JoinMode = Literal["all", "each", "some"]
OnAbort = Literal["fail", "continue", "branch"]


class Region(msgspec.Struct, frozen=True):
    """A loop or for-each around a node: one more place in its coordinates."""

    id: str
    kind: Literal["loop", "each"]


class Guard(msgspec.Struct, frozen=True):
    """A step that is read runs only if this choice takes this case, or if it wins at this join."""

    choice: str
    case: str


class Want(msgspec.Struct, frozen=True):
    """A value that must be here before a node begins, unless a guard says that it never comes."""

    value: str
    guards: tuple[Guard, ...] = ()


class Meeting(msgspec.Struct, frozen=True):
    """A step whose output an EXCLUSIVE_JOIN takes if its way was taken: where its guards hold."""

    ref: str
    guards: tuple[Guard, ...] = ()


class Node(msgspec.Struct):
    """A place in the graph. Filled once, when the choreography is made."""

    id: str  # unique in the choreography: the scope's path, a slash, the reference name
    ref: str
    scope: str
    kind: Kind
    role: str = ""
    regions: tuple[Region, ...] = ()
    type: str = ""  # Conductor's step type, for people
    task: str = ""
    after: tuple[str, ...] = ()  # where tokens go when it is done
    cases: Mapping[str, str] = {}  # choice: case to the node where it goes on
    default: str = ""  # choice: where it goes on in any other case
    body: str = ""  # each: first node inside; loop, again: the iteration
    loop: str = ""  # iteration, again: the loop that they belong to
    again: str = ""  # loop: what ends its iterations
    listed: bool = False  # loop: over a list, which may be empty
    hands_on: tuple[str, ...] = ()  # loop: variables from one iteration to the next, and behind it
    leaves: tuple[str, ...] = ()  # loop: values of its newest iteration that are read behind it
    numbered: bool = False  # loop: what each iteration gave is read behind it
    sets: frozenset[str] = frozenset()  # loop, iteration: variables that are set somewhere inside
    gate: str = ""  # each: the join that counts; branch of a some-join: the join
    stem: str = ""  # item of an each: people know it by this and its place, from 0
    gathers: bool = False  # join of an each: what the items gave is read behind it
    meets: tuple[Meeting, ...] = ()  # meet: what it looks at, the first that has run decides
    mode: JoinMode = "all"
    need: int = 0  # some-join: how many
    sources: tuple[str, ...] = ()  # join: the nodes that it waits for
    pivot: bool = False
    optional: bool = False
    fallible: bool = True
    late: bool = False  # its time may be up while it still succeeds
    reversible: bool = False  # it has an undo
    harmless: bool = False  # it has no effect, so an attempt that is forgotten did nothing
    bound: int = 0  # again, each: at most so often (explorers; 0 = not known)
    child: str = ""  # scope: its path
    alone: bool = False  # scope: it is one step of this name
    plan: PlanNode | None = None
    wants: tuple[Want, ...] = ()
    wants_from: Mapping[str, tuple[Want, ...]] = {}  # end: instead, by where the flow came from
    brings: Mapping[str, tuple[str, ...]] = {}  # by successor: values that go with its token
    tells: Mapping[str, tuple[str, ...]] = {}  # by role: values that go straight to it

    @property
    def depth(self) -> int:
        """The length of its coordinates."""
        return len(self.regions)


class Scope(msgspec.Struct):
    """A scope: the whole workflow ("" ), or a sub-workflow in place or by name."""

    path: str
    name: str  # of the workflow
    home: str
    parent: str = ""
    node: str = ""  # what stands for it in its parent; for the root "" (a node of its own)
    regions: tuple[Region, ...] = ()
    first: str = ""
    end: str = ""
    members: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    children: tuple[str, ...] = ()  # nodes of kind scope directly in it
    joins: tuple[str, ...] = ()  # some-joins directly in it: closing waits for their losers
    deadline_ms: int = 0
    deadline: bool = False  # it has one (explorers do not look at how long)
    on_abort: OnAbort = "fail"
    alone: bool = False  # one step that may be called off alone: people see it in the parent
    fallible: bool = True  # it may abort by itself
    style: str = "choreographed"
    workflow: Workflow | None = None
    plan: Plan | None = None
    behind: Mapping[str, frozenset[str]] = {}  # by node: those that the graph leads to from it

    @property
    def depth(self) -> int:
        """The length of its generation."""
        return len(self.regions)


class Opener(msgspec.Struct, frozen=True):
    """What goes out with the opening of a scope: parts of its input."""

    brings: tuple[str, ...] = ()  # with the token to its first node
    tells: Mapping[str, tuple[str, ...]] = {}  # by role: straight to it


class Source(msgspec.Struct, frozen=True):
    """What a choreography was read from, so that it can be read again: the workflow itself first,

    then those that it starts by name, and the task definitions that they use.
    """

    workflows: list[Workflow]
    tasks: dict[str, TaskDefinition] = {}


class Choreography(msgspec.Struct):
    """The whole; every role has it by its hash and plays its own part of it."""

    name: str
    version: int
    hash: str
    nodes: dict[str, Node]
    scopes: dict[str, Scope]
    openers: dict[str, Opener]
    roles: tuple[str, ...]
    slices: Mapping[tuple[str, str], tuple[tuple[str | int, ...], ...]] = {}
    """By (value, role): the paths below the value that the role reads; () = all of it."""
    readers: Mapping[tuple[str, str], tuple[str, ...]] = {}
    """By (role, value): the role's nodes that may wait for it."""
    makers: Mapping[str, str] = {}
    """By value: the node that makes it."""
    source: Source | None = None

    @property
    def root(self) -> Scope:
        """The scope of the whole workflow."""
        return self.scopes[""]

    def seen_in(self, node: Node) -> Scope:
        """The scope in which people see a node, and whose data its expressions read."""
        scope = self.scopes[node.scope]
        return self.scopes[scope.parent] if scope.alone else scope

    def place_of(self, id: str) -> str:
        """A node's id as people would write it: the path of the scope, and the step."""
        node = self.nodes[id]
        path = self.seen_in(node).path
        return f"{path}/{node.ref}" if path else node.ref

    def within(self, node: Node) -> Node:
        """The step that a node is: of one that may be called off alone, what is in its scope."""
        return self.nodes[self.scopes[node.child].first] if node.alone else node


def moved(at: At, source: tuple[Region, ...], target: tuple[Region, ...]) -> At:
    """The coordinate at `target` of what goes on from `at` in `source`: loops are entered at 1."""
    shared = 0
    for mine, theirs in zip(source, target, strict=False):
        if mine != theirs:
            break
        shared += 1
    return at[:shared] + (1,) * (len(target) - shared)


def comes_before(choreography: Choreography, one: tuple[str, At], other: tuple[str, At]) -> bool:
    """Whether `one` is causally before `other`; both stand directly in one scope instance.

    The graph leads from one to the other at equal coordinates; a lower iteration of a loop comes
    before a higher one; the items of a for-each are not ordered.
    """
    a, b = choreography.nodes[one[0]], choreography.nodes[other[0]]
    for i, (mine, theirs) in enumerate(zip(a.regions, b.regions, strict=False)):
        if mine != theirs:
            break
        if one[1][i] != other[1][i]:
            return mine.kind == "loop" and one[1][i] < other[1][i]
    return b.id in choreography.scopes[a.scope].behind[a.id]


def variable_setters(scope: Scope, nodes: Mapping[str, Node], reader: str) -> list[str]:
    """The nodes that know of variables what a reader may see, earlier ones first.

    They are the SET_VARIABLEs in front of it, the iterations in which it is, for what those before
    have set, and the loops that it is behind, for what was set in them.
    """
    here = nodes[reader].regions
    found: list[str] = []
    for id in scope.nodes:
        node = nodes[id]
        if reader not in scope.behind[id] or node.regions != here[: node.depth]:
            continue
        around = any(region.id == id for region in here)
        if node.type == "SET_VARIABLE" or (node.sets and not around):
            found.append(id)
    return sorted(found, key=lambda id: -len(scope.behind[id]))


def named(node: Node, at: At) -> str:
    """A step as people name it: with its iterations, an item by its place. `at`: in its scope."""
    if node.stem:
        return numbered(f"{node.stem}{at[-1] - 1}", at[:-1])
    return numbered(node.ref, at)


def own_fork(node: Node) -> str:
    """The for-each of which a node is an item, or "": in its undo that name means itself."""
    return node.regions[-1].id if node.stem else ""


def meant(nodes: Mapping[str, Node], name: str) -> tuple[str, At]:
    """The node of such a name (its scope's path in front), and where in its scope it stands."""
    id, path = parted(name, nodes)
    if id in nodes:
        return id, path
    for node in nodes.values():
        stem = f"{node.scope}/{node.stem}" if node.scope else node.stem
        found = _ITEM_NAME.fullmatch(name.removeprefix(stem)) if node.stem else None
        if found and name.startswith(stem):
            loops = tuple(map(int, found[2].split("__")[1:]))
            return node.id, (*loops, int(found[1]) + 1)
    return id, path


def left(nodes: Mapping[str, Node], reader: Node, made: Node) -> Node | None:
    """The outermost loop around `made` that is not around the reader, if there is one."""
    for i, region in enumerate(made.regions):
        if i >= reader.depth or reader.regions[i] != region:
            return nodes[region.id] if region.kind == "loop" else None
    return None


def seen_as(nodes: Mapping[str, Node], reader: Node, made: Node, value: str) -> tuple[str, Path]:
    """Under which name, and where in it, a value of `made` comes to a reader.

    Out of a loop comes what its newest iteration left, with the output of the loop itself.
    """
    loop = left(nodes, reader, made)
    if loop is None:
        return value, ()
    inner, path = seen_as(nodes, nodes[loop.again], made, value)
    return loop.id + OUT, (LEFT, inner, *path)


def joined_by(join: Node, nodes: Mapping[str, Node]) -> list[str]:
    """The steps whose outputs the output of a JOIN is made of; those of views are not in it."""
    names = join.plan.join_on if join.plan is not None else ()
    prefix = join.id.removesuffix(join.ref)
    return [ref for ref in names if nodes[prefix + ref].kind not in VIEWED]
