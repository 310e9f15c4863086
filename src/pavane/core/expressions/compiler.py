"""The compiler of computed expressions: a syntax tree becomes closures, once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pavane.core.expressions.bounds import Refused, Run
from pavane.core.expressions.refusals import REFUSED_NODES
from pavane.core.expressions.roots import Read

Node: TypeAlias = Callable[[Run], Any]

Handler: TypeAlias = Callable[["Compiler", Any], Node]
"""Compiles one kind of syntax node."""

WORDS: dict[str, Any] = {"null": None, "true": True, "false": False}
"""JSON's spellings, beside Python's own."""


class Compiler:
    """Compiles one expression; knows which names are comprehension variables, which are roots."""

    def __init__(self, handlers: Mapping[type[ast.expr], Handler]) -> None:
        self.handlers = handlers
        self.scopes: list[dict[str, int]] = []
        self.variables = 0
        self.reads: list[Read] = []
        self.names: dict[str, None] = {}

    def compile(self, node: ast.expr) -> Node:
        """A closure that gives the node's value; errors in it know where the node stands."""
        handler = self.handlers.get(type(node))
        if handler is None:
            what, remedy = REFUSED_NODES.get(type(node).__name__, ("this", "Write it differently."))
            raise refused_at(node, f"{what} is not part of expressions", remedy)
        return placed(node, handler(self, node))

    def variable(self, name: str) -> int | None:
        """The slot of a comprehension variable, or None for a root."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def declare(self, name: str) -> int:
        """A slot for a comprehension variable in the innermost scope."""
        slot = self.scopes[-1].get(name)
        if slot is None:
            slot = self.scopes[-1][name] = self.variables
            self.variables += 1
        return slot

    def read(self, root: str, path: tuple[str | int, ...] = ()) -> None:
        """Record that the expression reads this."""
        self.names[root] = None
        self.reads.append(Read(root, path))


def refused_at(node: ast.expr | ast.keyword, message: str, remedy: str) -> Refused:
    """An error at a node's place."""
    return Refused(message, remedy, line=node.lineno - 1, column=node.col_offset)


def placed(node: ast.expr, evaluate: Node) -> Node:
    """The closure, counted as one step, its errors placed at the node."""
    line, column = node.lineno - 1, node.col_offset

    def visit(run: Run) -> Any:
        try:
            run.step()
            return evaluate(run)
        except Refused as refused:
            if refused.column is None:
                refused.line, refused.column = line, column
            raise

    return visit
