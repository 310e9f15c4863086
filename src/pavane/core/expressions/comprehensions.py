"""Lists, maps and comprehensions in expressions: what makes many values out of others."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from pavane.core.expressions.bounds import MAX_ELEMENTS, Refused, Run, kind
from pavane.core.expressions.compiler import WORDS, Compiler, Handler, Node, refused_at
from pavane.core.expressions.functions import FUNCTIONS, elements
from pavane.core.expressions.shapes import is_map, is_series

Assign: TypeAlias = Callable[[Run, Any], None]
Loop: TypeAlias = Callable[[Run], Iterator[None]]
"""Sets the variables for one iteration after the other."""


def loops(
    compiler: Compiler, generators: list[ast.comprehension], results: Sequence[ast.expr]
) -> tuple[Loop, list[Node]]:
    """The `for … if …` parts of a comprehension, and the compiled results of each iteration."""
    clauses: list[tuple[Node, Assign, list[Node]]] = []
    compiler.scopes.append({})
    for clause in generators:
        if clause.is_async:
            raise refused_at(clause.iter, "`async for` is not available", "Loop over data.")
        # Before its target is declared: in `[x for x in x]` the last x is from outside.
        iterable = compiler.compile(clause.iter)
        assign = _target(compiler, clause.target)
        clauses.append((iterable, assign, [compiler.compile(test) for test in clause.ifs]))
    compiled = [compiler.compile(result) for result in results]
    compiler.scopes.pop()

    def loop(run: Run, at: int = 0) -> Iterator[None]:
        iterable, assign, tests = clauses[at]
        for value in elements(run, iterable(run)):
            run.step()
            assign(run, value)
            if all(test(run) for test in tests):
                if at + 1 == len(clauses):
                    yield
                else:
                    yield from loop(run, at + 1)

    return loop, compiled


def _target(compiler: Compiler, node: ast.expr) -> Assign:
    """What binds one element to the loop's variables."""
    if isinstance(node, ast.Name):
        if node.id in FUNCTIONS or node.id in WORDS or node.id == "ref":
            raise refused_at(
                node, f"{node.id!r} already means something", "Give the variable another name."
            )
        slot = compiler.declare(node.id)

        def assign(run: Run, value: Any) -> None:
            run.variables[slot] = value

        return assign
    if not isinstance(node, (ast.Tuple, ast.List)):
        raise refused_at(
            node, "a loop variable must be a name", "Write: for x in …, or for a, b in …"
        )
    parts = [_target(compiler, part) for part in node.elts]

    def unpack(run: Run, value: Any) -> None:
        if not is_series(value) or len(value) != len(parts):
            found = f"{len(value)} values" if is_series(value) else kind(value)
            raise Refused(
                f"{len(parts)} variables are to be set, but the element is {found}",
                "Loop over lists of that many values.",
            )
        for part, each in zip(parts, value, strict=True):
            part(run, each)

    return unpack


def _list_comprehension(compiler: Compiler, node: ast.ListComp | ast.GeneratorExp) -> Node:
    loop, (element,) = loops(compiler, node.generators, (node.elt,))
    return lambda run: [element(run) for _ in loop(run)]


def _map_comprehension(compiler: Compiler, node: ast.DictComp) -> Node:
    loop, (key, value) = loops(compiler, node.generators, (node.key, node.value))

    def build(run: Run) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for _ in loop(run):
            name = _key(key(run))
            made[name] = value(run)
        return made

    return build


def _key(value: Any) -> Any:
    try:
        hash(value)
    except TypeError as error:
        raise Refused(f"{kind(value)} cannot be the key of a map", "Use a text or a number.") from (
            error
        )
    return value


def _sequence(compiler: Compiler, node: ast.List | ast.Tuple) -> Node:
    parts: list[tuple[Node, bool]] = []
    for element in node.elts:
        spread = isinstance(element, ast.Starred)
        parts.append((compiler.compile(element.value if spread else element), spread))
    is_tuple = isinstance(node, ast.Tuple)

    def build(run: Run) -> Any:
        made: list[Any] = []
        for part, spread in parts:
            if spread:
                made.extend(elements(run, part(run)))
            else:
                made.append(part(run))
        _check_size(len(made))
        return tuple(made) if is_tuple else made

    return build


def _map(compiler: Compiler, node: ast.Dict) -> Node:
    entries = [
        (compiler.compile(key) if key is not None else None, compiler.compile(value))
        for key, value in zip(node.keys, node.values, strict=True)
    ]

    def build(run: Run) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in entries:
            if key is not None:
                name = _key(key(run))
                made[name] = value(run)
                continue
            other = value(run)
            if not is_map(other):
                raise Refused(f"`**` spreads a map, not {kind(other)}", "Give a map.")
            run.charge(len(other))
            made.update(other)
        _check_size(len(made))
        return made

    return build


def _check_size(size: int) -> None:
    if size > MAX_ELEMENTS:
        raise Refused(f"a value of {size} elements would result", f"At most {MAX_ELEMENTS}.")


HANDLERS: dict[type[ast.expr], Handler] = {
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Dict: _map,
    ast.ListComp: _list_comprehension,
    ast.GeneratorExp: _list_comprehension,
    ast.DictComp: _map_comprehension,
}
