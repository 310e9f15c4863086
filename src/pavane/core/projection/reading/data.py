"""Which data goes where: with a token while every role on the way reads it, else straight there.

A role receives only what its own steps read. For each step that reads a value made by another role
it is decided, once, how the value gets there: the token that begins the step brings it, if whoever
sends the token has it rightfully (it made it, or its own steps read as much of it); otherwise the
maker tells the reader's role directly, and the step waits for both. So events carry coordinates and
what the receiver needs, and nothing grows with the length of the run.

Whoever owns a loop passes on what an iteration hands to the next, and what is read behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    Opener,
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


def route(choreography: Choreography, inside: Inside) -> None:
    """Fill in what each node waits for, brings and tells, and what each role may see."""
    _Router(choreography, inside).route()


class _Router:
    def __init__(self, choreography: Choreography, inside: Inside) -> None:
        self._c = choreography
        self._nodes = choreography.nodes
        self._inside = inside
        self._makers: dict[str, str] = {}
        self._slices: dict[tuple[str, str], dict[Path, None]] = {}
        self._wants: dict[str, dict[Want, None]] = {}
        self._before: dict[str, list[str]] = {}  # by node: those that send it tokens
        self._brings: dict[tuple[str, str], dict[str, None]] = {}  # (sender or opener, node)
        self._covered: dict[tuple[str, str], bool] = {}

    def route(self) -> None:
        for node in self._nodes.values():
            self._makers[node.id + OUT] = self._makers[node.id + IN] = node.id
            if node.stem:
                self._makers[node.id + ITEM] = node.id
            for following in (*node.after, *filter(None, [node.body])):
                self._before.setdefault(following, []).append(node.id)
        for scope in self._c.scopes.values():
            if scope.plan is not None:
                self._read_scope(scope, scope.plan.output)
        tells = self._ways()
        self._fill(tells)

    # --- who reads what -------------------------------------------------------------------------

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
            self._add(node, guard.choice + OUT, _CASE, guards[:i])

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

    # --- the ways -------------------------------------------------------------------------------

    def _ways(self) -> dict[str, dict[str, dict[str, None]]]:
        """Decide for each want; returns what is told straight, by maker (or scope), by role."""
        tells: dict[str, dict[str, dict[str, None]]] = {}
        for id in self._nodes:
            node = self._nodes[id]
            wants = [*self._wants.get(id, ()), *(w for f in node.wants_from.values() for w in f)]
            for want in wants:
                if self._already(node, want.value) or self._cover(id, want.value):
                    continue
                value = want.value
                maker = value if value.endswith(INPUT) else self._makers[value]
                tells.setdefault(maker, {}).setdefault(node.role, {})[value] = None
        return tells

    def _already(self, node: Node, value: str) -> bool:
        """Whether a step of the role that surely ran before has waited for the value."""
        behind = self._c.scopes[node.scope].behind
        for other, wants in self._wants.items():
            there = self._nodes[other]
            if there.role != node.role or there.scope != node.scope or other == node.id:
                continue
            surely = node.id in behind[other] and self._surely_ran(there, node)
            if surely and Want(value) in wants:
                return True
        return False

    def _surely_ran(self, there: Node, node: Node) -> bool:
        """Whether no choice, and no list that may be empty, is around `there` and not `node`."""
        around = self._inside.get(there.id, ())
        if around != self._inside.get(node.id, ())[: len(around)]:
            return False
        out_of = [region for region in there.regions if region not in node.regions]
        return not any(each.kind == "each" or self._nodes[each.id].listed for each in out_of)

    def _cover(self, id: str, value: str) -> bool:
        """Whether the token that begins the node can bring the value; if so, it does."""
        known = self._covered.get((id, value))
        if known is not None:
            return known
        self._covered[id, value] = False  # a ring: no
        senders = self._before.get(id, [])
        scope = self._c.scopes[self._nodes[id].scope]
        first = scope.first == id
        can = bool(senders or first)
        if first:
            can = value == scope.path + INPUT
        if self._nodes[id].kind == "join":  # it waits for every branch, so one of them will do
            around = self._inside.get(id, ())
            sure = [each for each in senders if self._inside.get(each, ()) == around]
            if self._nodes[id].mode == "each":  # there may be no item, but always a count
                sure = [each for each in sure if self._nodes[each].kind == "each"]
            senders = [each for each in sure if self._can_give(each, id, value)][:1]
            can = bool(senders)
        else:
            can = can and all(self._can_give(each, id, value) for each in senders)
        if can:
            for each in senders:
                self._brings.setdefault((each, id), {})[value] = None
            if first:
                self._brings.setdefault((f"({scope.path})", id), {})[value] = None
        self._covered[id, value] = can
        return can

    def _can_give(self, sender: str, id: str, value: str) -> bool:
        node, role = self._nodes[sender], self._nodes[id].role
        if self._role(value) == node.role:
            if value.endswith(INPUT):
                return True
            maker = self._makers[value]
            return maker == sender or sender in self._c.scopes[node.scope].behind[maker]
        mine = self._slices.get((value, node.role))
        theirs = self._slices.get((value, role), {})
        if mine is None or not all(_within(path, mine) for path in theirs):
            return False
        here = any(want.value == value for want in self._wants.get(sender, ()))
        return here or self._already(node, value) or self._cover(sender, value)

    # --- writing it down ------------------------------------------------------------------------

    def _fill(self, tells: dict[str, dict[str, dict[str, None]]]) -> None:
        c = self._c
        readers: dict[tuple[str, str], dict[str, None]] = {}
        for node in self._nodes.values():
            node.wants = tuple(self._wants.get(node.id, ()))
            targets = {to: tuple(v) for (by, to), v in self._brings.items() if by == node.id}
            node.brings = targets
            told = tells.get(node.id, {})
            node.tells = {role: tuple(values) for role, values in told.items()}
            for want in (*node.wants, *(w for f in node.wants_from.values() for w in f)):
                readers.setdefault((node.role, want.value), {})[node.id] = None
        for path in c.scopes:
            brought = [v for (by, _), v in self._brings.items() if by == f"({path})"]
            told = tells.get(path + INPUT, {})
            c.openers[path] = Opener(
                brings=tuple(dict.fromkeys(value for each in brought for value in each)),
                tells={role: tuple(values) for role, values in told.items()},
            )
        c.slices = {key: tuple(paths) for key, paths in self._slices.items()}
        c.readers = {key: tuple(ids) for key, ids in readers.items()}
        c.makers = self._makers


def _set_by(node: Node) -> frozenset[str]:
    """The variables of which a node knows the value."""
    if node.sets or node.plan is None:
        return node.sets
    return frozenset(node.plan.step.input_parameters)


def _within(path: Path, known: Mapping[Path, None]) -> bool:
    """Whether a part is in what is known: it, or something around it."""
    return any(path[: len(each)] == each for each in known)


def _id(scope: Scope, ref: str) -> str:
    return f"{scope.path}/{ref}" if scope.path else ref
