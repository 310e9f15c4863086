"""Which data goes where: with a token while every role on the way reads it, else straight there.

A role receives only what its own steps read. For each step that reads a value made by another role
it is decided, once, how the value gets there: the token that begins the step brings it, if whoever
sends the token has it rightfully (it made it, or its own steps read as much of it); otherwise the
maker tells the reader's role directly, and the step waits for both. So events carry coordinates and
what the receiver needs, and nothing grows with the length of the run.

Whoever owns a loop passes on what an iteration hands to the next, and what is read behind it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pavane.core.projection.choreography import INPUT, Choreography, Node, Opener, Path, Want
from pavane.core.projection.reading.wanted import Inside, Wanted


def route(choreography: Choreography, inside: Inside) -> None:
    """Fill in what each node waits for, brings and tells, and what each role may see."""
    _Router(choreography, inside).route()


class _Router(Wanted):
    def __init__(self, choreography: Choreography, inside: Inside) -> None:
        super().__init__(choreography, inside)
        self._covered: dict[tuple[str, str], bool] = {}

    def route(self) -> None:
        self.find()
        self._fill(self._ways())

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


def _within(path: Path, known: Mapping[Path, None]) -> bool:
    """Whether a part is in what is known: it, or something around it."""
    return any(path[: len(each)] == each for each in known)
