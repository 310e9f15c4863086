"""Calls in expressions: the listed functions, methods of values, `ref()`; nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from pavane.core.expressions.bounds import FAULTS, Refused, Run
from pavane.core.expressions.compiler import Compiler, Handler, Node, refused_at
from pavane.core.expressions.comprehensions import loops
from pavane.core.expressions.functions import FUNCTIONS, Function
from pavane.core.expressions.members import check_attribute, ref_name, root
from pavane.core.expressions.methods import METHOD_NAMES, call_method


def _call(compiler: Compiler, node: ast.Call) -> Node:
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            raise refused_at(
                argument, "`*` in a call is not available", "Give the values one by one."
            )
    for keyword in node.keywords:
        if keyword.arg is None:
            raise refused_at(keyword, "`**` in a call is not available", "Name the arguments.")
    if isinstance(node.func, ast.Attribute):
        return _method(compiler, node, node.func)
    if not isinstance(node.func, ast.Name):
        raise refused_at(node, "only functions and methods can be called", _REMEDY)
    reference = ref_name(node)
    if reference is not None:
        compiler.read(reference)
        return root(reference)
    return _function(compiler, node, node.func.id)


_REMEDY = f"Use one of {', '.join(FUNCTIONS)}; any other work belongs in a task."


def _function(compiler: Compiler, node: ast.Call, name: str) -> Node:
    function = FUNCTIONS.get(name)
    if function is None:
        close = get_close_matches(name, FUNCTIONS, 1)
        hint = f"; did you mean {close[0]}()?" if close else ""
        raise refused_at(node, f"{name}() cannot be called in an expression{hint}", _REMEDY)
    _check_arguments(node, name, function)
    if name in ("any", "all") and isinstance(node.args[0], ast.GeneratorExp):
        return _until(compiler, node.args[0], wanted=name == "any")
    arguments, keywords = _arguments(compiler, node)
    call = function.call
    return _calling(name, arguments, keywords, call)


def _calling(
    name: str, arguments: list[Node], keywords: dict[str, Node], call: Callable[..., Any]
) -> Node:
    def evaluate(run: Run) -> Any:
        # Worked out before the `try`: what the caller's data raises must pass untouched.
        values = [argument(run) for argument in arguments]
        named = {key: value(run) for key, value in keywords.items()}
        try:
            return call(run, *values, **named)
        except FAULTS as error:
            raise Refused(f"{name}() failed: {error}", "Check its arguments.") from error

    return evaluate


def _check_arguments(node: ast.Call, name: str, function: Function) -> None:
    count = len(node.args)
    if not function.least <= count <= function.most:
        wanted = str(function.least)
        if function.most != function.least:
            wanted += f" to {function.most}"
        raise refused_at(
            node, f"{name}() takes {wanted} arguments, {count} are given", f"Write {name}(…)."
        )
    seen: set[str] = set()
    for keyword in node.keywords:
        key = keyword.arg or ""
        if key not in function.keywords or key in seen:
            known = ", ".join(sorted(function.keywords)) or "none"
            raise refused_at(
                keyword, f"{name}() has no argument {key!r} here", f"Named arguments: {known}."
            )
        seen.add(key)


def _arguments(compiler: Compiler, node: ast.Call) -> tuple[list[Node], dict[str, Node]]:
    arguments = [compiler.compile(argument) for argument in node.args]
    keywords = {keyword.arg or "": compiler.compile(keyword.value) for keyword in node.keywords}
    return arguments, keywords


def _until(compiler: Compiler, node: ast.GeneratorExp, *, wanted: bool) -> Node:
    """any() and all() of a generator: they stop at the first element that decides, as in Python."""
    loop, (element,) = loops(compiler, node.generators, (node.elt,))

    def decide(run: Run) -> bool:
        for _ in loop(run):
            if bool(element(run)) is wanted:
                return wanted
        return not wanted

    return decide


def _method(compiler: Compiler, node: ast.Call, function: ast.Attribute) -> Node:
    check_attribute(function)
    name = function.attr
    if name not in METHOD_NAMES:
        close = get_close_matches(name, METHOD_NAMES, 1)
        hint = f"; did you mean {close[0]}()?" if close else ""
        raise refused_at(
            node,
            f".{name}() cannot be called in an expression{hint}",
            f"Use one of {', '.join(sorted(METHOD_NAMES))}.",
        )
    value = compiler.compile(function.value)
    arguments, keywords = _arguments(compiler, node)

    def evaluate(run: Run) -> Any:
        target = value(run)
        values = [argument(run) for argument in arguments]
        named = {key: each(run) for key, each in keywords.items()}
        return call_method(run, target, name, values, named)

    return evaluate


HANDLERS: dict[type[ast.expr], Handler] = {ast.Call: _call}
