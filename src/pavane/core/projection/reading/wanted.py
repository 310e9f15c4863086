"""Who reads what: the values that each node waits for, and the parts of them that a role sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pavane.core.decide.races import SHOWN as SHOWN_OF_RACE
from pavane.core.decide.races import WINNERS
from pavane.core.expressions.template import Read, Template
from pavane.core.model.workflow import Step
from pavane.core.projection.choreography import (
    HANDED_ON,
    IN,
    INPUT,
    ITEM,
    LEFT,
    OUT,
    SHOWN,
    VIEWED,
    Choreography,
    Guard,
    Meeting,
    Node,
    Path,
    Scope,
    Want,
    joined_by,
    left,
    own_fork,
    variable_setters,
)

Inside = Mapping[str, tuple[Guard, ...]]
_CASE: Path = ("selectedCase",)


class Wanted:
    """Goes through a choreography; a reader's wants are those made by another role."""

    def __init__(self, choreography: Choreography, inside: Inside) -> None:
        self._c = choreography
        self._nodes = choreography.nodes
        self._inside = inside
        self._makers: dict[str, str] = {}
        self._slices: dict[tuple[str, str], dict[Path, None]] = {}
        self._wants: dict[str, dict[Want, None]] = {}
        self._before: dict[str, list[str]] = {}  # by node: those that send it tokens
        self._brings: dict[tuple[str, str], dict[str, None]] = {}  # (sender or opener, node)

    def find(self) -> None:
        """Fill in the makers, who sends whom tokens, and the wants of all nodes."""
        for node in self._nodes.values():
            self._makers[node.id + OUT] = self._makers[node.id + IN] = node.id
            if node.stem:
                self._makers[node.id + ITEM] = node.id
            for following in (*node.after, *filter(None, [node.body])):
                self._before.setdefault(following, []).append(node.id)
        for scope in self._c.scopes.values():
            if scope.plan is not None:
                self._read_scope(scope, scope.plan.output)

    def _read_scope(self, scope: Scope, output: Template) -> None:
        for id in scope.nodes:
            node = self._nodes[id]
            if node.kind == "again":
                self._read_condition(scope, node)
            elif node.plan is not None and node.kind != "join":
                templates = [] if node.stem else [node.plan.template]
                templates += node.plan.fallbacks.values()
                item = self._nodes[node.body].plan if node.kind == "each" else None
                if item is not None:  # its fork works out what it begins with
                    templates.append(item.template)
                if node.plan.undo is not None:
                    templates.append(node.plan.undo.template)
                for template in templates:
                    self._use(scope, node, template.reads)
                if node.kind == "meet":
                    self._meet(scope, node, node.plan.step)
        end = self._nodes[scope.end]
        declared = scope.workflow is not None and bool(scope.workflow.output_parameters)
        if declared:
            self._use(scope, end, output.reads)
        wants_from: dict[str, tuple[Want, ...]] = {}
        for source in self._before.get(end.id, ()):
            made = self._nodes[source]
            if made.kind == "finish" or not declared:
                wants_from[source] = tuple(self._end_wants(scope, end, made))
        end.wants_from = wants_from

    def _meet(self, scope: Scope, node: Node, step: Step) -> None:
        """What an EXCLUSIVE_JOIN looks at, and whether that has run."""
        found: list[Meeting] = []
        for ref in (*step.join_on, *step.default_exclusive_join_task):
            guards = self._guards(node, _id(scope, ref) + OUT)
            found.append(Meeting(ref, guards))
            self._want_guards(node, guards)
            self._use(scope, node, (Read(ref, ("output",)),))
        node.meets = tuple(found)

    def _read_condition(self, scope: Scope, again: Node) -> None:
        """A step that is only asked for whether it has run was chosen, or not."""
        plan = self._nodes[again.loop].plan
        condition = plan.condition if plan is not None else None
        for read in condition.reads if condition is not None else ():
            if not read.path and read.root != "workflow":
                read = Read(read.root, ("output", *_CASE))  # of a SWITCH
            self._use(scope, again, (read,))

    def _end_wants(self, scope: Scope, end: Node, source: Node) -> Iterator[Want]:
        """What the end needs of the step that the flow came from, as the output."""
        refs = [source.id]
        if source.mode == "some":
            yield from self._won(scope, end, source)
            return
        if source.mode == "each":
            self._gather(source)
        elif source.kind == "join" and source.plan is not None:
            refs = [_id(scope, ref) for ref in joined_by(source, self._nodes)]
        for ref in refs:
            path: Path = ()
            if self._nodes[ref].kind == "loop":
                self._number(scope, self._nodes[ref])
                path = (SHOWN,)
            self._slices.setdefault((ref + OUT, end.role), {})[path] = None
            if self._nodes[ref].role != end.role:
                yield Want(ref + OUT)

    def _won(self, scope: Scope, end: Node, join: Node) -> Iterator[Want]:
        """The winners, and what they gave; of the others nobody waits for anything."""
        for value in (join.id, *(_id(scope, ref) for ref in joined_by(join, self._nodes))):
            self._slices.setdefault((value + OUT, end.role), {})[()] = None
            if self._nodes[value].role != end.role:
                yield Want(value + OUT, self._guards(end, value + OUT))

    def _use(self, scope: Scope, node: Node, reads: tuple[Read, ...]) -> None:
        for read in reads:
            for value, path in self._values(scope, node, read):
                self._read(node, value, path)

    def _read(self, node: Node, value: str, path: Path) -> tuple[str, Path]:
        """A node reads a value; out of a loop it comes by way of that. Returns what is read."""
        if not value.endswith(INPUT):
            loop = left(self._nodes, node, self._nodes[self._makers[value]])
            if loop is not None:
                inner, below = self._read(self._nodes[loop.again], value, path)
                loop.leaves = tuple(dict.fromkeys((*loop.leaves, inner)))
                value, path = loop.id + OUT, (LEFT, inner, *below)
        self._want(node, value, path)
        return value, path

    def _values(self, scope: Scope, node: Node, read: Read) -> Iterator[tuple[str, Path]]:
        head = read.path[0] if read.path else ""
        if read.root == "workflow":
            if head in ("input", ""):
                yield scope.path + INPUT, read.path[1:]
            if head in ("variables", ""):
                self._use_variables(scope, node, read.path[1:2])
            return
        id = _id(scope, read.root)
        if id not in self._nodes or id == node.id or own_fork(node) == id:
            return
        made = self._nodes[id]
        if made.kind == "loop":
            yield from self._of_loop(scope, node, made, read)
            return
        if made.kind == "join" and made.plan is not None:
            yield from self._of_join(scope, made, made.plan.join_on, read)
            return
        if head in ("output", ""):
            yield id + OUT, read.path[1:]
        if head == "status" and made.kind == "scope":  # told by what it gives out
            yield id + OUT, ("failure",)
        if head in ("input", ""):
            yield id + IN, read.path[1:]

    def _of_join(
        self, scope: Scope, made: Node, join_on: tuple[str, ...], read: Read
    ) -> Iterator[tuple[str, Path]]:
        """The outputs of what it joined; of a for-each its owner puts them together."""
        if made.mode == "each":
            self._gather(made)
            yield made.id + OUT, read.path[1:]
            return
        named = read.path[1:2]
        if made.mode == "some" and (not named or named[0] in SHOWN_OF_RACE):
            yield made.id + OUT, read.path[1:]
            if named:
                return
        for ref in joined_by(made, self._nodes):
            if not named or named[0] == ref or named[0] not in join_on:
                yield _id(scope, ref) + OUT, read.path[2:] if named else ()

    def _of_loop(
        self, scope: Scope, node: Node, made: Node, read: Read
    ) -> Iterator[tuple[str, Path]]:
        """Inside a loop its output is that of the reader's iteration."""
        head, below = read.path[0] if read.path else "", read.path[1:]
        if head in ("output", ""):
            inside = any(region.id == made.id for region in node.regions)
            if not inside and (not below or str(below[0]).isdigit()):
                self._number(scope, made)
            yield (made.body if inside else made.id) + OUT, (SHOWN, *below)

    def _gather(self, join: Node) -> None:
        """The owner of the join puts together what the items gave, which they bring with them."""
        join.gathers = True
        item = self._nodes[join.sources[0]]
        self._slices.setdefault((item.id + OUT, join.role), {})[()] = None
        if item.role != join.role:
            self._brings.setdefault((item.id, join.id), {})[item.id + OUT] = None

    def _number(self, scope: Scope, loop: Node) -> None:
        """The owner keeps what each iteration gave."""
        if not loop.numbered and loop.plan is not None:
            loop.numbered = True
            for ref in loop.plan.body:
                made = self._nodes[_id(scope, ref)]
                if made.kind not in VIEWED:
                    self._want(self._nodes[loop.again], made.id + OUT, ())

    def _use_variables(self, scope: Scope, node: Node, path: Path) -> None:
        """The last that surely set it, and those behind that one which may have."""
        setters = variable_setters(scope, self._nodes, node.id)
        known = {name for setter in setters for name in _set_by(self._nodes[setter])}
        for name in dict.fromkeys(map(str, path)) if path else sorted(known):
            for setter in map(self._nodes.__getitem__, reversed(setters)):
                if name not in _set_by(setter):
                    continue
                if setter.sets:
                    self._hand_on(scope, setter, name)
                value, path = (OUT, (HANDED_ON, name)) if setter.sets else (IN, (name,))
                self._want(node, setter.id + value, path)
                if not setter.optional and not self._guards(node, setter.id + value):
                    break  # it surely ran

    def _hand_on(self, scope: Scope, made: Node, name: str) -> None:
        """A loop takes a variable through its iterations, and out of the last one."""
        loop = self._nodes[made.loop] if made.loop else made
        if name not in loop.hands_on:
            loop.hands_on += (name,)
            self._use_variables(scope, loop, (name,))
            self._use_variables(scope, self._nodes[loop.again], (name,))

    def _want(self, node: Node, value: str, path: Path) -> None:
        guards = self._guards(node, value)
        self._want_guards(node, guards)
        self._add(node, value, path, guards)

    def _want_guards(self, node: Node, guards: tuple[Guard, ...]) -> None:
        for i, guard in enumerate(guards):
            raced = self._nodes[guard.choice].kind == "join"
            self._add(node, guard.choice + OUT, (WINNERS,) if raced else _CASE, guards[:i])

    def _add(self, node: Node, value: str, path: Path, guards: tuple[Guard, ...]) -> None:
        self._slices.setdefault((value, node.role), {})[path] = None
        if self._role(value) != node.role:
            self._wants.setdefault(node.id, {})[Want(value, guards)] = None

    def _guards(self, node: Node, value: str) -> tuple[Guard, ...]:
        """The choices around the maker that are not around the reader."""
        if value.endswith(INPUT):
            return ()
        around = self._inside.get(node.id, ())
        made = self._inside.get(self._makers[value], ())
        shared = 0
        while shared < min(len(around), len(made)) and around[shared] == made[shared]:
            shared += 1
        return made[shared:]

    def _role(self, value: str) -> str:
        if value.endswith(INPUT):
            return self._c.scopes[value.removesuffix(INPUT)].home
        return self._nodes[self._makers[value]].role


def _set_by(node: Node) -> frozenset[str]:
    """The variables of which a node knows the value."""
    if node.sets or node.plan is None:
        return node.sets
    return frozenset(node.plan.step.input_parameters)


def _id(scope: Scope, ref: str) -> str:
    return f"{scope.path}/{ref}" if scope.path else ref
