"""Comprehensions over data; neutral names for their variables make renaming harmless."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pavane.language.bindings import Bindings, Level
from pavane.language.contract import without_none
from pavane.language.kinds import element, is_mapping
from pavane.language.operands import native, operand_truth
from pavane.language.values import POISON, Value, on_the_wire

if TYPE_CHECKING:
    from pavane.language.expressions import Reader

Comprehension = ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp


def comprehension(reader: Reader, node: ast.ListComp | ast.GeneratorExp) -> Value:
    """`[x for …]`, and a generator, which is read as a list."""
    with reader.skippable(), _variables(reader):
        loops = _loops(reader, node)
        if loops is None:
            return POISON
        item = reader.read(node.elt)
        if item.poison:
            return POISON
        made = native(reader.site, node.elt, item)
    kind = type(node)
    return Value(kind(made, loops), type=list[item.type], native=True)


def for_each(
    reader: Reader, node: Comprehension, item: Callable[[], ast.expr | None]
) -> ast.expr | None:
    """A list of what `item` makes where the variables of the loops are known; None if refused."""
    with _variables(reader):
        loops = _loops(reader, node)
        made = None if loops is None else item()
        return None if loops is None or made is None else ast.ListComp(made, loops)


def mapping(reader: Reader, node: ast.DictComp) -> Value:
    """`{k: v for …}`."""
    with reader.skippable(), _variables(reader):
        loops = _loops(reader, node)
        if loops is None:
            return POISON
        key, item = reader.read(node.key), reader.read(node.value)
        if key.poison or item.poison:
            return POISON
        made = native(reader.site, node.key, key), on_the_wire(item)
    return Value(ast.DictComp(*made, loops), type=dict[key.type, item.type])


def refused_set(reader: Reader, node: ast.SetComp) -> Value:
    """A set has no JSON form."""
    return reader.refuse(node, "a set cannot travel as JSON", "Write a list comprehension.")


@contextmanager
def _variables(reader: Reader) -> Generator[None]:
    outer = reader.bindings
    reader.bindings = Bindings(list(outer.levels))
    try:
        yield
    finally:
        reader.bindings = outer


def _loops(reader: Reader, node: Comprehension) -> list[ast.comprehension] | None:
    loops: list[ast.comprehension] = []
    for each in node.generators:
        if each.is_async:
            reader.refuse(each.iter, "`async for` is not part of the workflow language")
            return None
        source = reader.read(each.iter)
        if source.poison:
            return None
        kind = without_none(source.type)[0]
        item = _key(kind) if is_mapping(kind) else element(kind)
        level = Level(frozenset(_names(each.target)))
        target = _bind(reader, level, each.target, item, native_items=source.native)
        if target is None:
            return None
        reader.bindings.levels.append(level)
        tests: list[ast.expr] = []
        for test in each.ifs:
            value = reader.read(test)
            if value.poison:
                return None
            tests.append(operand_truth(reader.site, test, value))
        loops.append(ast.comprehension(target, on_the_wire(source), tests, 0))
    return loops


def _key(kind: Any) -> Any:
    arguments = get_args(kind)
    return arguments[0] if arguments else str


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _bind(
    reader: Reader, level: Level, target: ast.expr, tp: Any, *, native_items: bool
) -> ast.expr | None:
    """The target with neutral names; the level learns what the author's names mean."""
    if isinstance(target, ast.Name):
        name = _fresh(reader, level)
        level.entries[target.id] = Value(ast.Name(name, ast.Load()), tp, native=native_items)
        return ast.Name(name, ast.Store())
    if isinstance(target, ast.Tuple):
        items: list[ast.expr] = []
        for index, each in enumerate(target.elts):
            inner = element(tp, index) if get_origin(without_none(tp)[0]) is tuple else Any
            made = _bind(reader, level, each, inner, native_items=native_items)
            if made is None:
                return None
            items.append(made)
        return ast.Tuple(items, ast.Store())
    reader.refuse(target, "only names can stand behind `for`", "Unpack into plain names.")
    return None


def _fresh(reader: Reader, level: Level) -> str:
    """`item`, `item_2`, … by nesting: never the name of a step."""
    used = sum(
        1
        for each in [*reader.bindings.levels, level]
        for entry in each.entries.values()
        if isinstance(entry, Value)
        and isinstance(entry.expr, ast.Name)
        and entry.expr.id.startswith("item")
    )
    return "item" if used == 0 else f"item_{used + 1}"
