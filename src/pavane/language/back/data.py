"""Values of a definition as Python expressions, where each has one that is read the same again."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping
from typing import Any, cast

_WHOLE = re.compile(r"\$\{([^{}$]*)\}")
_PART = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]", re.ASCII)


STANDARD = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
}
"""What computed values call that Python must import."""

_PYTHON = {"decimal": "Decimal", "uuid": "UUID"}


class NoFormError(Exception):
    """Internal: this has no form in Python but the written out one."""


def expression(value: Any, names: Mapping[str, str]) -> str:
    """Python for a value; `names` are the variables by what they stand for, `input.x` or a step."""
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{k!r}: {expression(v, names)}" for k, v in members.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(expression(each, names) for each in cast("list[Any]", value)) + "]"
    return repr(value)


def _text(value: str, names: Mapping[str, str]) -> str:
    if "${" not in value:
        return repr(value)
    if value.startswith("${=") and value.endswith("}"):
        return computed(value[3:-1].strip(), names)
    whole = _WHOLE.fullmatch(value)
    if whole is None:
        raise NoFormError(value)
    return _path(whole[1], names)


def _path(text: str, names: Mapping[str, str]) -> str:
    """`order.lines[0]` as Python reads it from a variable."""
    members: list[str | int] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise NoFormError(text)
        members.append(part[1] if part[1] is not None else int(part[2]))
        at = part.end()
    for length in (3, 2):
        root = ".".join(map(str, members[:length]))
        if len(members) >= length and root in names:
            return names[root] + "".join(f"[{each!r}]" for each in members[length:])
    raise NoFormError(text)


def computed(code: str, names: Mapping[str, str]) -> str:
    """A computed value, with the variables in the place of paths."""
    try:
        tree = ast.parse(code, mode="eval")
        return ast.unparse(_Renaming(names).visit(tree))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NoFormError(code) from error


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> Any:
        """Replace the longest path that a variable stands for."""
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Name)):
            text = ast.unparse(node)
            if text in self._names:
                return ast.Name(self._names[text], ast.Load())
        if isinstance(node, ast.Attribute):
            return ast.Subscript(self.visit(node.value), ast.Constant(node.attr), ast.Load())
        if isinstance(node, ast.Call):
            return self._call(node)
        return super().visit(node)

    def _call(self, node: ast.Call) -> ast.Call:
        """A call of one of the evaluator's functions, or of a method."""
        func: ast.expr
        if isinstance(node.func, ast.Attribute):
            func = ast.Attribute(self.visit(node.func.value), node.func.attr, ast.Load())
        elif isinstance(node.func, ast.Name):
            func = ast.Name(_PYTHON.get(node.func.id, node.func.id), ast.Load())
        else:
            raise NoFormError(ast.unparse(node))
        named = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        return ast.Call(func, [self.visit(each) for each in node.args], named)


def identifier(text: str) -> str:
    """A Python name that resembles a text."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "unnamed"
    name = f"n{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) else name
