"""Values as operands: converted from the wire by their type, and tested for truth."""

from __future__ import annotations

import ast

from pavane.language.contract import is_record, type_name, without_none
from pavane.language.kinds import (
    conversion,
    element,
    holds_converted,
    is_mixed,
    is_plain_enum,
    is_sequence,
)
from pavane.language.values import Value, members_of
from pavane.language.work import Site


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """A call of one of the evaluator's functions."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def is_none_test(expr: ast.expr, *, negated: bool = False) -> ast.Compare:
    """`expr is None`, or `is not None`."""
    return ast.Compare(expr, [ast.IsNot() if negated else ast.Is()], [ast.Constant(None)])


def native(site: Site, node: ast.AST, value: Value) -> ast.expr:
    """The expression that gives the Python value: text from the wire is converted by its type."""
    if value.poison:
        return ast.Constant(None)
    raw = value.guarded if value.guarded is not None else value.expr
    if value.native:
        return raw
    if value.parts is not None:
        return ast.List([native(site, node, part) for part in value.parts], ast.Load())
    if is_mixed(value.type):
        site.refuse(
            node,
            f"{ast.unparse(node)} may be any of {type_name(value.type)}, which look alike as JSON,"
            " so a workflow cannot compute with it",
            "Give it the same type on every path.",
        )
        return raw
    name = conversion(value.type)
    if name:
        converted: ast.expr = call(name, raw)
        if without_none(value.type)[1]:
            return ast.IfExp(is_none_test(raw, negated=True), converted, ast.Constant(None))
        return converted
    if is_sequence(value.type) and holds_converted(value.type):
        return _converted_elements(site, node, raw, value)
    return raw


def _converted_elements(site: Site, node: ast.AST, raw: ast.expr, value: Value) -> ast.expr:
    depth = _depth(value.type)
    name = "item" if depth == 1 else f"item_{depth + 10}"
    item = Value(ast.Name(name, ast.Load()), type=element(value.type))
    loop = ast.comprehension(ast.Name(name, ast.Store()), raw, [], 0)
    return ast.ListComp(native(site, node, item), [loop])


def _depth(tp: object) -> int:
    depth = 0
    while is_sequence(tp):
        tp, depth = element(tp), depth + 1
    return depth


def truth(site: Site, node: ast.AST, value: Value) -> ast.expr:
    """The expression that gives True or False by Python's rule for the value's type."""
    if value.poison:
        return ast.Constant(False)
    base, maybe_none = without_none(value.type)
    if is_record(base) or is_plain_enum(base):
        if maybe_none:
            return is_none_test(value.expr, negated=True)
        return ast.Constant(True)
    operand = native(site, node, value)
    if base is bool and not maybe_none:
        return operand
    return call("bool", operand)


def operand_truth(site: Site, node: ast.AST, value: Value) -> ast.expr:
    """The expression inside `and`, `or`, `not` and `if … else`, which the evaluator tests."""
    base, _ = without_none(value.type)
    if is_record(base) or is_plain_enum(base):
        return truth(site, node, value)
    return native(site, node, value)


def is_path(value: Value) -> bool:
    """Whether a value is a pure path."""
    return members_of(value.expr) is not None
