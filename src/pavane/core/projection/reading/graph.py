"""From blocks to a graph: nodes and edges, owners, members, and the causal order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pavane.core.projection.choreography import (
    EACH_ITERATION,
    ITERATION_ENDS,
    Choreography,
    Node,
    Opener,
    Region,
    Scope,
)
from pavane.core.projection.reading import blocks
from pavane.core.projection.reading.blocks import Block

Regions = tuple[Region, ...]


def build(root: blocks.Sub, *, version: int = 1, hash: str = "") -> Choreography:
    """The choreography of a workflow; its root is a scope whose `ref` does not matter."""
    builder = _Builder()
    builder.scope(root, "", None, ())
    nodes, scopes = builder.nodes, builder.scopes
    for scope in scopes.values():
        _order(scope, nodes)
    for path in reversed(list(scopes)):  # inner homes first: they are owners further out
        _settle_home(scopes[path], nodes)
    for scope in scopes.values():
        _hand_on_home(scope, scopes, nodes)
    for scope in scopes.values():
        _settle_loops(scope, nodes)
        _settle_owners(scope, nodes)
        found = [nodes[id].role for id in scope.nodes if nodes[id].kind != "end"]
        scope.members = tuple(dict.fromkeys(found))
    roles = {node.role for node in nodes.values()}
    return Choreography(
        name=root.name or root.ref,
        version=version,
        hash=hash,
        nodes=nodes,
        scopes=scopes,
        openers={path: Opener() for path in scopes},
        roles=tuple(sorted(roles)),
    )


class _Builder:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.scopes: dict[str, Scope] = {}

    def scope(self, sub: blocks.Sub, path: str, parent: Scope | None, regions: Regions) -> Scope:
        """A scope and all that is in it; returns it."""
        deadline_s = sub.workflow.timeout_seconds if sub.workflow else 0
        if sub.workflow and sub.workflow.timeout_policy != "TIME_OUT_WF":
            deadline_s = 0
        scope = self.scopes[path] = Scope(
            path=path,
            name=sub.name or sub.ref,
            home=sub.home,
            parent=parent.path if parent else "",
            node=path,
            regions=regions,
            deadline=sub.deadline or deadline_s > 0,
            deadline_ms=int(deadline_s * 1000),
            on_abort="continue" if sub.caught else "fail",
            alone=sub.alone,
            style=sub.style,
            workflow=sub.workflow,
            plan=sub.inner,
        )
        end = self._add(scope, "(end)", "end", regions)
        scope.end = end.id
        scope.first = self._list(scope, sub.body, end.id, regions)
        return scope

    def _add(self, scope: Scope, ref: str, kind: Any, regions: Regions, **more: Any) -> Node:
        id = f"{scope.path}/{ref}" if scope.path else ref
        node = self.nodes[id] = Node(id, ref, scope.path, kind, regions=regions, **more)
        scope.nodes += (id,)
        return node

    def _list(self, scope: Scope, body: Sequence[Block], after: str, regions: Regions) -> str:
        """The nodes of a list, last first; returns where the list begins."""
        for block in reversed(body):
            after = self._block(scope, block, after, regions)
        return after

    def _block(self, scope: Scope, block: Block, after: str, regions: Regions) -> str:
        match block:
            case blocks.Step():
                return self._step(scope, block, after, regions)
            case blocks.Choice():
                return self._choice(scope, block, after, regions)
            case blocks.Fork():
                return self._fork(scope, block, after, regions)
            case blocks.Some():
                return self._some(scope, block, after, regions)
            case blocks.Each():
                return self._each(scope, block, after, regions)
            case blocks.Loop():
                return self._loop(scope, block, after, regions)
            case blocks.Sub():
                return self._sub(scope, block, after, regions).id

    def _step(self, scope: Scope, step: blocks.Step, after: str, regions: Regions) -> str:
        goes_on = {"break": (), "finish": (scope.end,)}.get(step.kind, (after,))
        return self._add(
            scope,
            step.ref,
            step.kind,
            regions,
            role=step.role,
            type=step.type,
            task=step.task or step.ref,
            after=goes_on,
            pivot=step.pivot,
            optional=step.optional,
            fallible=step.fallible,
            late=step.late,
            reversible=step.undo and step.kind == "step",
            harmless=step.harmless,
            plan=step.plan,
        ).id

    def _choice(self, scope: Scope, choice: blocks.Choice, after: str, regions: Regions) -> str:
        cases = {
            case: self._list(scope, body, after, regions) for case, body in choice.cases.items()
        }
        default = self._list(scope, choice.default, after, regions)
        node = self._add(scope, choice.ref, "choice", regions, role=choice.role, type=choice.type)
        node.plan, node.cases, node.default = choice.plan, cases, default
        node.after = tuple(dict.fromkeys([*cases.values(), default]))
        return node.id

    def _fork(self, scope: Scope, fork: blocks.Fork, after: str, regions: Regions) -> str:
        join = self._add(scope, fork.join or f"{fork.ref}-join", "join", regions, type="JOIN")
        join.role, join.plan, join.after = fork.join_role, fork.join_plan, (after,)
        first = [self._list(scope, branch, join.id, regions) for branch in fork.branches]
        node = self._add(scope, fork.ref, "instant", regions, role=fork.role, type="FORK_JOIN")
        node.plan, node.after = fork.plan, tuple(first)
        join.sources = tuple(first)  # one slot a branch: whatever ends it speaks for it
        return node.id

    def _some(self, scope: Scope, some: blocks.Some, after: str, regions: Regions) -> str:
        join = self._add(scope, some.join or f"{some.ref}-join", "join", regions, type="JOIN")
        join.role, join.after, join.mode, join.need = some.join_role, (after,), "some", some.need
        join.plan = some.join_plan
        first: list[str] = []
        for branch in some.branches:
            node = self._sub(scope, branch, join.id, regions)
            node.gate = join.id
            self.scopes[node.child].on_abort = "branch"
            first.append(node.id)
        join.sources = tuple(first)
        scope.joins += (join.id,)
        node = self._add(scope, some.ref, "instant", regions, role=some.role, type="FORK_JOIN")
        node.plan, node.after = some.plan, tuple(first)
        return node.id

    def _each(self, scope: Scope, each: blocks.Each, after: str, regions: Regions) -> str:
        join = self._add(scope, each.join or f"{each.ref}-join", "join", regions, type="JOIN")
        join.role, join.after, join.mode = each.join_role, (after,), "each"
        join.plan = each.join_plan
        node = self._add(scope, each.ref, "each", regions, role=each.role, plan=each.plan)
        node.type, node.gate = "FORK_JOIN_DYNAMIC", join.id
        inside = (*regions, Region(node.id, "each"))
        node.body = self._list(scope, each.body, join.id, inside)
        self.nodes[node.body].stem, join.sources = each.stem, (node.body,)
        node.after = (node.body, join.id)
        node.cases = {str(count): "" for count in each.counts}
        return node.id

    def _loop(self, scope: Scope, loop: blocks.Loop, after: str, regions: Regions) -> str:
        """A node that is open as long as the loop; two for what is around each iteration."""
        id = f"{scope.path}/{loop.ref}" if scope.path else loop.ref
        inside = (*regions, Region(id, "loop"))
        again = self._add(
            scope, loop.ref + ITERATION_ENDS, "again", inside, role=loop.role, loop=id
        )
        first = self._list(scope, loop.body, again.id, inside)
        begin = self._add(
            scope, loop.ref + EACH_ITERATION, "iteration", inside, role=loop.role, loop=id
        )
        begin.after, again.body, again.bound = (first,), begin.id, loop.times
        node = self._add(scope, loop.ref, "loop", regions, role=loop.role, type="DO_WHILE")
        node.after, node.body, node.again = (after,), begin.id, again.id
        node.plan, node.listed = loop.plan, loop.listed
        node.sets = begin.sets = self._sets(scope, inside)
        return node.id

    def _sets(self, scope: Scope, regions: Regions) -> frozenset[str]:
        """The variables that are set in a loop."""
        found: set[str] = set()
        for id in scope.nodes:
            node = self.nodes[id]
            inside = node.regions[: len(regions)] == regions
            if inside and node.type == "SET_VARIABLE" and node.plan is not None:
                found.update(node.plan.step.input_parameters)
        return frozenset(found)

    def _sub(self, scope: Scope, sub: blocks.Sub, after: str, regions: Regions) -> Node:
        task = sub.plan.step.name if sub.plan is not None else sub.name
        type = sub.plan.type if sub.plan is not None and sub.alone else "SUB_WORKFLOW"
        node = self._add(scope, sub.ref, "scope", regions, type=type, task=task, alone=sub.alone)
        node.plan, node.after, node.child, node.reversible = sub.plan, (after,), node.id, True
        node.optional = sub.caught
        scope.children += (node.id,)
        self.scope(sub, node.id, scope, regions)
        return node


def _edges(node: Node, nodes: dict[str, Node]) -> Iterator[str]:
    """Where the graph leads from a node; at the end of an iteration, to what is behind the loop."""
    if node.kind == "break":
        return
    if node.kind == "loop":
        yield node.body
    yield from nodes[node.loop].after if node.kind == "again" else node.after


def _order(scope: Scope, nodes: dict[str, Node]) -> None:
    """What lies behind each node, by the edges that lead forward."""
    behind: dict[str, frozenset[str]] = {}

    def reached(id: str) -> frozenset[str]:
        if id not in behind:
            found: set[str] = set()
            for following in _edges(nodes[id], nodes):
                found |= {following} | reached(following)
            behind[id] = frozenset(found)
        return behind[id]

    for id in _topological(scope, nodes):
        reached(id)
    scope.behind = behind


def _topological(scope: Scope, nodes: dict[str, Node]) -> list[str]:
    """The nodes of a scope, each behind those that lead to it, last first (no deep recursion)."""
    done: dict[str, None] = {}
    for start in scope.nodes:
        path = [(start, iter(_edges(nodes[start], nodes)))]
        if start in done:
            continue
        while path:
            id, ahead = path[-1]
            following = next((each for each in ahead if each not in done), None)
            if following is None:
                done[id] = None
                path.pop()
            else:
                path.append((following, iter(_edges(nodes[following], nodes))))
    return list(done)


def _settle_home(scope: Scope, nodes: dict[str, Node]) -> None:
    """By default home is who does the first step."""
    if not scope.home:
        scope.home = _first_owner(scope.first, nodes) or _any_owner(scope, nodes)
    nodes[scope.end].role = scope.home
    if scope.path:
        nodes[scope.path].role = scope.home


def _hand_on_home(scope: Scope, scopes: dict[str, Scope], nodes: dict[str, Node]) -> None:
    """A scope in which nobody owns anything is at home where the one around it is."""
    for child in scope.children:
        scope_of_child = scopes[child]
        scope_of_child.home = scope_of_child.home or scope.home
        nodes[child].role = nodes[scopes[child].end].role = scope_of_child.home


def _first_owner(start: str, nodes: dict[str, Node]) -> str:
    """The role of the first owned node that the graph leads to, breadth first; "" if none."""
    ahead, seen = [start], {start}
    while ahead:
        node = nodes[ahead.pop(0)]
        if node.role:
            return node.role
        for following in (*filter(None, [node.body]), *node.after):
            if following not in seen:
                seen.add(following)
                ahead.append(following)
    return ""


def _any_owner(scope: Scope, nodes: dict[str, Node]) -> str:
    return next((nodes[id].role for id in scope.nodes if nodes[id].role), "")


def _settle_loops(scope: Scope, nodes: dict[str, Node]) -> None:
    """A loop belongs to who does the first step in it: what ends an iteration tells that one."""
    for id in scope.nodes:
        node = nodes[id]
        if node.kind == "loop":
            node.role = node.role or _first_owner(node.body, nodes) or scope.home
            nodes[node.body].role = nodes[node.again].role = node.role


def _settle_owners(scope: Scope, nodes: dict[str, Node]) -> None:
    """Nobody's nodes: a join to who goes on behind it, others to who comes before them."""
    before: dict[str, list[str]] = {}
    for id in scope.nodes:
        for following in (*nodes[id].after, *filter(None, [nodes[id].body])):
            before.setdefault(following, []).append(id)
    for id in reversed(_topological(scope, nodes)):
        node = nodes[id]
        if node.role:
            continue
        if node.kind == "join":
            node.role = _first_owner(node.after[0], nodes) or scope.home
            continue
        owners = {nodes[each].role for each in before.get(id, ())}
        if id == scope.first:
            owners.add(scope.home)
        known = owners - {""}
        if len(known) == 1:
            node.role = known.pop()
        else:
            following = _first_owner(node.after[0], nodes) if node.after else ""
            node.role = following or scope.home
