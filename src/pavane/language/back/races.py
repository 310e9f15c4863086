"""The result of a race, and questions that are asked by the name of the winner."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Race:
    """The variable of a race's result, and by the name of each branch the type of what it gives."""

    variable: str
    gives: Mapping[str, str]

    def result(self, node: ast.expr) -> ast.expr | None:
        """The variable, in the place of a choice of all results by the name of the winner."""
        asked: list[str] = []
        while isinstance(node, ast.IfExp) and winner_in(node.test):
            match node.test:
                case ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(value=str(name))]):
                    is_none = isinstance(node.body, ast.Constant)
                    if is_none != (self.gives.get(name) == "None"):
                        return None
                    asked.append(name)
                case _:
                    return None
            node = node.orelse
        return self.read() if asked == [*self.gives][:-1] else None

    def question(self, node: ast.Compare) -> ast.expr | None:
        """`x is None` for a comparison with the names of all branches that have no result."""
        match node.ops, node.comparators:
            case [ast.Eq() | ast.NotEq() as operator], [ast.Constant(value=str(name))]:
                names = {name}
            case [ast.In() | ast.NotIn() as operator], [ast.List(elts=items)]:
                names = {each.value for each in items if isinstance(each, ast.Constant)}
            case _:
                return None
        if names != {name for name, kind in self.gives.items() if kind == "None"}:
            return None
        negated = isinstance(operator, (ast.NotEq, ast.NotIn))
        return self.is_none(negated=negated)

    def is_none(self, *, negated: bool = False) -> ast.expr:
        """`x is None`, or `x is not None`."""
        operator = ast.IsNot() if negated else ast.Is()
        return ast.Compare(self.read(), [operator], [ast.Constant(None)])

    def read(self) -> ast.expr:
        """The variable."""
        return ast.Name(self.variable, ast.Load())

    def pattern(self, name: str) -> str:
        """What a `case` asks for when a branch has won; empty where there is nothing to ask."""
        kind = self.gives.get(name, "").removesuffix("[str, Any]")
        if kind == "None":
            return "None"
        alone = sum(each.startswith(kind) for each in self.gives.values()) == 1
        alone = alone and kind.isidentifier()
        return f"{kind}()" if alone and kind != "Any" else ""


def winner_in(node: ast.expr) -> str:
    """The path that an expression is, or compares with something; perhaps that of a winner."""
    asked = node.left if isinstance(node, ast.Compare) else node
    return ast.unparse(asked) if isinstance(asked, ast.Attribute) else ""
