"""Names and paths of computed expressions: from a root, or from any value, to what is inside."""

from __future__ import annotations

import ast
from typing import Any

from pavane.core.expressions.bounds import Run
from pavane.core.expressions.compiler import WORDS, Compiler, Handler, Node, refused_at
from pavane.core.expressions.methods import attribute, item
from pavane.core.expressions.shapes import is_map


def _name(compiler: Compiler, node: ast.Name) -> Node:
    name = node.id
    slot = compiler.variable(name)
    if slot is not None:
        return lambda run: run.variables[slot]
    if name in WORDS:
        value = WORDS[name]
        return lambda run: value
    compiler.read(name)
    return root(name)


def root(name: str) -> Node:
    """A closure that gives what stands behind a root; null where there is no such root."""

    def read(run: Run) -> Any:
        try:
            return run.lookup.root(name)
        except KeyError:
            return None

    return read


def _path(compiler: Compiler, node: ast.Attribute | ast.Subscript) -> Node:
    """Members read one after the other from a root, else one member of any other value."""
    found = _static_path(compiler, node)
    if found is None:
        return _member(compiler, node)
    name, keys = found
    compiler.read(name, keys)
    read = root(name)

    def walk(run: Run) -> Any:
        run.step(len(keys))
        value = read(run)
        for position, key in enumerate(keys):
            if is_map(value) and key in value:
                value = value[key]
            elif isinstance(key, str):
                value = attribute(value, key, written(name, keys[:position]))
            else:
                value = item(run, value, key, written(name, keys[:position]))
        return value

    return walk


def written(name: str, keys: tuple[str | int, ...]) -> str:
    """A path as people write it."""
    return name + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _static_path(compiler: Compiler, node: ast.expr) -> tuple[str, tuple[str | int, ...]] | None:
    """The root and the keys of a path that is made of nothing else; checks attribute names."""
    keys: list[str | int] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            check_attribute(node)
            keys.append(node.attr)
        else:
            key = _constant_key(node.slice)
            if key is None:
                return None
            keys.append(key)
        node = node.value
    name = _root_name(compiler, node)
    return None if name is None else (name, tuple(reversed(keys)))


def _constant_key(node: ast.expr) -> str | int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant_key(node.operand)
        return -inner if isinstance(inner, int) else None
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _root_name(compiler: Compiler, node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        known = compiler.variable(node.id) is not None or node.id in WORDS
        return None if known else node.id
    return ref_name(node)


def ref_name(node: ast.expr) -> str | None:
    """The root of `ref("hold-stock")`: a reference name that is no Python name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ref":
        name = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            raise refused_at(node, "ref() takes one text literal", 'Write ref("hold-stock").')
        return name.value
    return None


def check_attribute(node: ast.Attribute) -> None:
    """Refuse what could lead from a value into Python itself."""
    if node.attr.startswith("_"):
        raise refused_at(
            node,
            f"`.{node.attr}` starts with an underscore",
            f"If it is a member of a map, write [{node.attr!r}].",
        )


def _member(compiler: Compiler, node: ast.Attribute | ast.Subscript) -> Node:
    value = compiler.compile(node.value)
    source = ast.unparse(node.value)
    label = source if len(source) <= 40 else "the value"
    if isinstance(node, ast.Attribute):
        check_attribute(node)
        name = node.attr
        return lambda run: attribute(value(run), name, label)
    if isinstance(node.slice, ast.Slice):
        bounds = [
            compiler.compile(each) if each is not None else None
            for each in (node.slice.lower, node.slice.upper, node.slice.step)
        ]

        def cut(run: Run) -> Any:
            whole = value(run)
            limits = [each(run) if each is not None else None for each in bounds]
            return item(run, whole, slice(*limits), label)

        return cut
    key = compiler.compile(node.slice)
    return lambda run: item(run, value(run), key(run), label)


HANDLERS: dict[type[ast.expr], Handler] = {
    ast.Name: _name,
    ast.Attribute: _path,
    ast.Subscript: _path,
}
