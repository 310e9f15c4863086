"""Names of steps: from the task or from what a control step tests, never from a variable."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable

from pavane.core.expressions.functions import FUNCTIONS
from pavane.language.kinds import CONVERSIONS
from pavane.language.values import members_of

_RESERVED = frozenset({"workflow", *FUNCTIONS, *keyword.kwlist})
_ITEM = re.compile(r"item(_\d+)?")  # variables of comprehensions
_CONTROL = re.compile(r"^(if|while|for)_")  # what the names of control steps begin with
_LONGEST = 32
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.NotEq: "ne",
    ast.In: "in",
    ast.NotIn: "not_in",
    ast.Not: "not",
    ast.And: "and",
    ast.Or: "or",
    ast.Add: "plus",
    ast.Sub: "minus",
    ast.Mult: "times",
    ast.Div: "by",
}


class Names:
    """The reference names of one workflow and its scopes: each used once, in source order."""

    def __init__(self, reserved: frozenset[str] = frozenset()) -> None:
        self._taken = set(_RESERVED)
        self._reserved = reserved

    def new(self, wish: str) -> str:
        """A free name like `ship`, `ship_2`."""
        stem = identifier(wish)
        if _ITEM.fullmatch(stem):
            stem += "_step"
        name, count = stem, 1
        while name in self._taken or name in self._reserved:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def pair(self, first: str, second: str) -> tuple[str, str]:
        """Two free names with the same number: `fork_2`, `join_2`."""
        count = 1
        while True:
            tail = "" if count == 1 else f"_{count}"
            names = (first + tail, second + tail)
            if not any(name in self._taken or name in self._reserved for name in names):
                self._taken.update(names)
                return names
            count += 1

    def keep(self) -> Callable[[], None]:
        """A way back to the names that are taken now."""
        kept = set(self._taken)

        def restore() -> None:
            self._taken = kept

        return restore

    def take(self, name: str) -> bool:
        """Take any name that no step has; False if one has it."""
        if name in self._taken and name not in _RESERVED:
            return False
        self._taken.add(name)
        return True

    def give(self, name: str) -> bool:
        """Take a name that the author wrote; False if it is taken already."""
        if name in self._taken or is_reserved(name):
            return False
        self._taken.add(name)
        return True


def is_comprehension_variable(name: str) -> bool:
    """Whether a name is that of a variable of a comprehension, which no step has."""
    return _ITEM.fullmatch(name) is not None


def identifier(text: str) -> str:
    """Any text as a Python identifier."""
    name = _slug(text) or "value"
    return f"n{name}" if name[0].isdigit() else name


def _slug(text: str) -> str:
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")


def is_reserved(name: str) -> bool:
    """Whether a name means something else in expressions."""
    return name in _RESERVED or _ITEM.fullmatch(name) is not None


def described(expr: ast.expr) -> str:
    """A short name for what an expression tests: `status_declined`, `total_gt_100`."""
    words: list[str] = []
    _collect(expr, words)
    name = ""
    for word in filter(None, words):
        if name and len(name) + len(word) > _LONGEST:
            break
        name = f"{name}_{word}" if name else word
    return identifier(name).lower()


def _collect(node: ast.AST, words: list[str]) -> None:
    """Gather words from paths, constants and operators, in the order of the text."""
    members = members_of(node) if isinstance(node, ast.expr) else None
    if members is not None:
        words.append(_last_name(members))
        return
    match node:
        case ast.Constant():
            words.append(_slug(str(node.value))[:_LONGEST])
        case ast.Call():
            _collect_call(node, words)
        case ast.BoolOp():
            _collect(node.values[0], words)
            for value in node.values[1:]:
                _operator(node.op, words)
                _collect(value, words)
        case ast.BinOp():
            _collect(node.left, words)
            _operator(node.op, words)
            _collect(node.right, words)
        case ast.Compare():
            _collect(node.left, words)
            for operator, right in zip(node.ops, node.comparators, strict=True):
                _operator(operator, words)
                _collect(right, words)
        case _:
            if isinstance(node, ast.UnaryOp):
                _operator(node.op, words)
            for child in ast.iter_child_nodes(node):
                _collect(child, words)


def _collect_call(node: ast.Call, words: list[str]) -> None:
    if isinstance(node.func, ast.Attribute):
        if node.func.attr == "get":
            _collect(node.args[0], words)
            return
        _collect(node.func.value, words)
        words.append(node.func.attr)
    elif isinstance(node.func, ast.Name) and node.func.id not in CONVERSIONS.values():
        words.append(node.func.id)
    for argument in node.args:
        _collect(argument, words)


def _operator(operator: ast.AST, words: list[str]) -> None:
    word = _OPERATORS.get(type(operator))
    if word:
        words.append(word)


def _last_name(members: tuple[str | int, ...]) -> str:
    """What a path is about: its last name, or the step whose whole result it is."""
    names = [step for step in members if isinstance(step, str)]
    if names[:2] == ["workflow", "variables"]:
        return _CONTROL.sub("", names[2])
    while len(names) > 1 and names[-1] in ("output", "result"):
        names.pop()
    return identifier(names[-1])
