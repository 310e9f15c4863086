"""Which variables are read later: only those need to be carried where paths meet."""

from __future__ import annotations

import ast
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from pavane.language.bindings import own_names

Names = frozenset[str]
EMPTY: Names = frozenset()


class Liveness:
    """Backward reading of blocks; `functions` maps local functions to what their bodies read."""

    def __init__(self, functions: Mapping[str, Names]) -> None:
        self._functions = functions
        self._loops: list[tuple[Names, Names]] = []  # live behind each loop around, and at its head

    @contextmanager
    def inside(self, after: Names, head: Names) -> Generator[None]:
        """In the body of a loop: what is live where `break` and where `continue` leads."""
        self._loops.append((after, head))
        try:
            yield
        finally:
            self._loops.pop()

    def head(self, node: ast.For | ast.While, after: Names) -> Names:
        """The variables that are live whenever a loop decides on another iteration."""
        forever = isinstance(node, ast.While) and is_forever(node)
        live = EMPTY if forever else after
        targets: set[str] = set()
        if isinstance(node, ast.While):
            live |= self.reads(node.test)
        else:
            targets = {each.id for each in _stored(node.target)}
        while True:
            with self.inside(after, live):
                more = (self.before(node.body, live) - targets) - live
            if not more:
                return live
            live |= more

    def before(self, block: Sequence[ast.stmt], after: Names) -> Names:
        """The variables that are live before a block, given those that are live after it."""
        live = after
        for statement in reversed(block):
            live = self._statement(statement, live)
        return live

    def _statement(self, node: ast.stmt, live: Names) -> Names:
        if isinstance(node, (ast.Return, ast.Raise)):
            return self.reads(node)
        if isinstance(node, ast.If):
            return (
                self.reads(node.test)
                | self.before(node.body, live)
                | self.before(node.orelse, live)
            )
        if isinstance(node, (ast.Break, ast.Continue)) and self._loops:
            return self._loops[-1][isinstance(node, ast.Continue)]
        if isinstance(node, (ast.For, ast.While)):
            once = self.reads(node.iter) if isinstance(node, ast.For) else EMPTY
            return once | self.head(node, self.before(node.orelse, live))
        if isinstance(node, ast.Try):
            found = self.before(node.body, self.before(node.orelse, live))
            for each in node.handlers:
                found |= self.before(each.body, live) - {each.name}
            return found
        if isinstance(node, (ast.AsyncWith, ast.With)):
            inside = self.before(node.body, live)
            return inside.union(*(self.reads(item.context_expr) for item in node.items))
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = {each.id for target in targets for each in _stored(target)}
            return (live - bound) | self.reads(node.value)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return live - {node.name}
        return live | self.reads(node)

    def reads(self, node: ast.AST) -> Names:
        """Every name that a node reads, also through the local functions it mentions."""
        names = {
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store)
        }
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        for name in tuple(names):
            names |= self._functions.get(name, EMPTY)
        return frozenset(names)


def is_forever(node: ast.While) -> bool:
    """Whether a loop is written so that its test always holds: `while True`."""
    return isinstance(node.test, ast.Constant) and bool(node.test.value)


def _stored(target: ast.AST) -> list[ast.Name]:
    return [
        node
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def local_functions(root: ast.AST) -> dict[str, Names]:
    """For each function defined inside a workflow, by name: the outer names that it reads.

    Functions that mention each other are followed; two of one name count as one.
    """
    reads: dict[str, set[str]] = {}
    for node in ast.walk(root):
        if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) and node is not root:
            inner = {
                each.id
                for each in ast.walk(node)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
            }
            reads.setdefault(node.name, set()).update(inner - own_names(node))
    changed = True
    while changed:
        changed = False
        for names in reads.values():
            more = {name for each in names if each in reads for name in reads[each]} - names
            if more:
                names |= more
                changed = True
    return {name: frozenset(names) for name, names in reads.items()}
