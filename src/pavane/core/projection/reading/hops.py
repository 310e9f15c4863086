"""How many messages lie one behind the other on the longest way, with and without a conductor."""

from __future__ import annotations

from collections.abc import Callable

from pavane.core.projection.choreography import Choreography, Node

Cost = Callable[[Node, Node], int]


def danced_hops(choreography: Choreography) -> int:
    """The most messages between services on a way from the start to the end, all going well."""
    longest = _Longest(choreography, lambda one, other: int(one.role != other.role), 0)
    return longest.until_end(choreography.root.first, 0)


def conducted_hops(choreography: Choreography) -> int:
    """The same where a conductor asks for each step and is answered: two for each."""
    longest = _Longest(choreography, lambda _one, _other: 0, 2)
    return longest.until_end(choreography.root.first, 0)


class _Longest:
    """The longest way through a choreography, by the cost of its edges and of its steps."""

    def __init__(self, choreography: Choreography, between: Cost, of_step: int) -> None:
        self._c = choreography
        self._between = between
        self._of_step = of_step
        self._best: dict[str, int] = {}  # by node: the most hops until its token is there

    def until_end(self, first: str, before: int) -> int:
        """The hops until the end of the scope that begins here, counted from `before`."""
        nodes = self._c.nodes
        scope = self._c.scopes[nodes[first].scope]
        self._best[first] = max(self._best.get(first, 0), before)
        for id in sorted(scope.nodes, key=lambda each: -len(scope.behind[each])):
            node = nodes[id]
            if id not in self._best or node.kind == "break":
                continue
            after = self._done(node, self._best[id])
            for following in self._following(node):
                there = after + self._between(node, nodes[following])
                self._best[following] = max(self._best.get(following, 0), there)
        return self._best.get(scope.end, 0)

    def _following(self, node: Node) -> tuple[str, ...]:
        """A loop is gone through once."""
        if node.kind == "again":
            return self._c.nodes[node.loop].after
        return (node.body,) if node.kind == "loop" else node.after

    def _done(self, node: Node, before: int) -> int:
        if node.kind == "step":
            return before + self._of_step
        if node.kind == "scope":
            scope = self._c.scopes[node.child]
            return self.until_end(scope.first, before) if scope.first != scope.end else before
        return before
