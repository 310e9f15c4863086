"""Closure conversion: what a scope reads from outside becomes its input."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pavane.core.expressions.functions import FUNCTIONS
from pavane.language.bindings import Bindings, Entry, Level, LocalFunction, Outer, Unassigned
from pavane.language.names import Names, described
from pavane.language.values import Value, Ways, members_of, path, path_text, stepped

ITEM = re.compile(r"item(_\d+)?")
"""Variables of comprehensions: never names of steps, so never captured."""


@dataclass
class Frame:
    """One definition that is being written: the workflow, or a scope inside it."""

    parent: Frame | None = None
    inputs: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    _keys: dict[str, str] = field(default_factory=dict[str, str])
    _names: Names = field(default_factory=Names)

    def keep(self) -> Callable[[], None]:
        """A way back to the inputs that the definition, and those around it, have now."""
        inputs, keys, names = dict(self.inputs), dict(self._keys), self._names.keep()
        around = self.parent.keep() if self.parent is not None else None

        def restore() -> None:
            self.inputs, self._keys = inputs, keys
            names()
            if around is not None:
                around()

        return restore

    def meaning(self, entry: Entry) -> Value | LocalFunction | Unassigned:
        """What a variable means in this definition; reading an outer one makes it an input."""
        if not isinstance(entry, Outer):
            return entry
        assert self.parent is not None, "only a scope has variables from outside"
        outer = self.parent.meaning(entry.entry)
        if isinstance(outer, LocalFunction):
            inside = {name: self.captured(value) for name, value in outer.defaults.items()}
            return replace(outer, defaults=inside)
        return self.captured(outer) if isinstance(outer, Value) else outer

    def captured(self, value: Value) -> Value:
        """The value as it reads inside, with each path that it uses passed in."""
        parts, fields, sides = value.parts, value.fields, value.sides
        return replace(
            value,
            expr=_Capture(self).visit(copy.deepcopy(value.expr)),
            guarded=None
            if value.guarded is None
            else _Capture(self).visit(copy.deepcopy(value.guarded)),
            parts=None if parts is None else tuple(self.captured(part) for part in parts),
            fields=None
            if fields is None
            else {name: self.captured(item) for name, item in fields.items()},
            sides=None
            if sides is None
            else (self.captured(sides[0]), sides[1], self.captured(sides[2])),
            ways=None if value.ways is None else self._ways(*value.ways),
        )

    def _ways(self, winner: Value, given: tuple[tuple[str, Value], ...]) -> Ways:
        return self.captured(winner), tuple((ref, self.captured(each)) for ref, each in given)

    def input(self, expr: ast.expr) -> ast.expr:
        """The path inside for a path outside."""
        text = path_text(expr) or ""
        if text not in self._keys:
            key = self._names.new(described(expr))
            self._keys[text] = key
            self.inputs[key] = expr
        return path("workflow", "input", self._keys[text]).expr


class _Capture(ast.NodeTransformer):
    """Replaces every longest path of an expression by an input of the scope."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._done: dict[int, ast.AST] = {}

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace once: parts that an expression uses twice are the same node."""
        done = self._done.get(id(node))
        if done is None:
            done = self._done[id(node)] = self._replaced(node)
            self._done[id(done)] = done
        return done

    def _replaced(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.expr):
            members = members_of(node)
            if members is not None:
                known = ITEM.fullmatch(str(members[0])) is not None
                return node if known else self._frame.input(node)
        return self.generic_visit(node)

    def _call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)  # type: ignore[assignment]  # an expression stays one
        else:
            assert isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        node.args = [self.visit(each) for each in node.args]  # type: ignore[misc]  # expressions stay expressions
        for each in node.keywords:
            each.value = self.visit(each.value)  # type: ignore[assignment]  # an expression stays one
        return node


def entered(bindings: Bindings) -> Bindings:
    """The variables as the body of a scope sees them."""
    return Bindings(
        [
            Level(level.own, {name: Outer(entry) for name, entry in level.entries.items()})
            for level in bindings.levels
        ]
    )


def output_path(ref: str, key: str, value: Value) -> Value:
    """Where a value that a scope gives out stands afterwards."""
    return Value(stepped(path(ref, "output").expr, key), type=value.type)
