"""Comparisons and arithmetic: Python's meaning by the operands' types, or a finding."""

from __future__ import annotations

import ast
from typing import Any

from pavane.language.contract import is_record, type_name, without_none
from pavane.language.kinds import (
    arithmetic,
    conversion,
    element,
    is_enum,
    is_known,
    is_plain_enum,
    is_sequence,
    joined,
    literal_base,
)
from pavane.language.operands import native
from pavane.language.values import POISON, Value
from pavane.language.winners import none_ways, won_by
from pavane.language.work import Site

_VERBS: dict[type[ast.operator], str] = {
    ast.Add: "added",
    ast.Sub: "subtracted",
    ast.Mult: "multiplied",
    ast.Div: "divided",
    ast.FloorDiv: "divided",
    ast.Mod: "divided",
    ast.Pow: "raised",
}

_BITS: dict[type[ast.operator], str] = {
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.MatMult: "@",
}


def compare(site: Site, node: ast.Compare, operands: list[Value]) -> Value:
    """A comparison, also a chained one."""
    if any(value.poison for value in operands):
        return POISON
    if (named := _by_winner(node, operands)) is not None:
        return named
    nodes = [node.left, *node.comparators]
    operators: list[ast.cmpop] = []
    for index, operator in enumerate(node.ops):
        left, right = operands[index], operands[index + 1]
        if not _check_pair(site, nodes[index], operator, left, right):
            return POISON
        operators.append(_plain_operator(operator, right))
    written = [
        _operand(site, nodes[index], value, nodes=node, index=index)
        for index, value in enumerate(operands)
    ]
    sides = (operands[0], operators[0], operands[1]) if len(operators) == 1 else None
    made = ast.Compare(written[0], operators, written[1:])
    return Value(made, type=bool, native=True, sides=sides)


def _by_winner(node: ast.Compare, operands: list[Value]) -> Value | None:
    """`x is None` for the result of a race: whether a branch without a result has won."""
    left, *others = operands
    if len(others) > 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        return None
    if not isinstance(others[0].expr, ast.Constant) or others[0].expr.value is not None:
        return None
    names = none_ways(left)
    return won_by(left, names, negated=isinstance(node.ops[0], ast.IsNot)) if names else None


def _operand(
    site: Site, place: ast.expr, value: Value, *, nodes: ast.Compare, index: int
) -> ast.expr:
    """An operand, converted unless it is only tested against None."""
    beside = [op for at, op in enumerate(nodes.ops) if at in (index - 1, index)]
    if all(isinstance(op, (ast.Is, ast.IsNot)) for op in beside) and not is_enum(value.type):
        return value.guarded if value.guarded is not None else value.expr
    return native(site, place, value)


def _plain_operator(operator: ast.cmpop, right: Value) -> ast.cmpop:
    """`is` between enum members is equality on the wire."""
    if isinstance(operator, (ast.Is, ast.IsNot)) and is_enum(right.type):
        return ast.Eq() if isinstance(operator, ast.Is) else ast.NotEq()
    return operator


def _check_pair(site: Site, node: ast.expr, operator: ast.cmpop, left: Value, right: Value) -> bool:
    if isinstance(operator, (ast.Is, ast.IsNot)):
        if is_enum(right.type) or _is_singleton(right):
            return True
        site.refuse(
            node,
            "`is` compares identities, which data of a workflow does not have",
            "Write `==`; `is` is for None, True, False and enum members.",
        )
        return False
    if isinstance(operator, (ast.In, ast.NotIn)):
        return _check_membership(site, node, left, right)
    if isinstance(operator, (ast.Eq, ast.NotEq)):
        return _check_equal(site, node, left, right)
    return _check_order(site, node, left, right)


def _is_singleton(value: Value) -> bool:
    return isinstance(value.expr, ast.Constant) and value.expr.value in (None, True, False)


def _check_membership(site: Site, node: ast.expr, item: Value, container: Value) -> bool:
    if container.parts is not None:
        return all(_check_equal(site, node, item, part) for part in container.parts)
    if is_sequence(container.type):
        return _check_equal(site, node, item, Value(item.expr, type=element(container.type)))
    return True


def _check_equal(site: Site, node: ast.expr, left: Value, right: Value) -> bool:
    for one, other in ((left, right), (right, left)):
        if is_plain_enum(one.type) and is_known(other.type) and not _may_equal_enum(one, other):
            name = type_name(without_none(one.type)[0])
            site.refuse(
                node,
                f"a {name} never equals a {type_name(other.type)}: {name} is a plain Enum",
                f"Compare with a member such as {name}.{_some_member(one.type)},"
                " or make it a StrEnum.",
            )
            return False
    groups = [_order_group(literal_base(value.type)) for value in (left, right)]
    if all(groups) and groups[0] != groups[1]:
        names = [type_name(without_none(value.type)[0]) for value in (left, right)]
        site.refuse(
            node,
            f"a {names[0]} never equals a {names[1]}",
            "Convert one of them first.",
        )
        return False
    if is_record(without_none(left.type)[0]) and is_record(without_none(right.type)[0]):
        site.refuse(
            node,
            "whole objects cannot be compared inside a workflow",
            "Compare the fields that matter.",
        )
        return False
    return True


def _may_equal_enum(one: Value, other: Value) -> bool:
    mine, theirs = without_none(one.type)[0], without_none(other.type)[0]
    return theirs is mine or theirs is type(None) or (is_enum(theirs) and theirs == mine)


def _some_member(tp: Any) -> str:
    return next(iter(without_none(tp)[0])).name


def _check_order(site: Site, node: ast.expr, left: Value, right: Value) -> bool:
    kinds = [literal_base(value.type) for value in (left, right)]
    groups = [_order_group(kind) for kind in kinds]
    if all(groups) and groups[0] != groups[1]:
        site.refuse(
            node,
            f"{type_name(kinds[0])} and {type_name(kinds[1])} have no order between them",
            "Convert one of them first.",
        )
        return False
    for kind in kinds:
        if is_record(kind) or is_plain_enum(kind):
            site.refuse(node, f"{type_name(kind)} has no order", "Compare a field of it.")
            return False
    return True


def _order_group(kind: Any) -> str:
    if conversion(kind) not in ("", "decimal"):
        return conversion(kind)
    if kind is str:
        return "text"
    return "number" if kind in (int, float, bool) or conversion(kind) else ""


def combine(site: Site, node: ast.BinOp, left: Value, right: Value) -> Value:
    """An arithmetic operation."""
    if left.poison or right.poison:
        return POISON
    if type(node.op) in _BITS:
        shown = _BITS[type(node.op)]
        site.refuse(
            node, f"`{shown}` is not part of the workflow language", "Work it out in a task."
        )
        return POISON
    for value in (left, right):
        if is_plain_enum(value.type) or is_record(without_none(value.type)[0]):
            site.refuse(
                node,
                f"there is no arithmetic for {type_name(value.type)}",
                "Use a field of it, or the `.value` of the enum member.",
            )
            return POISON
    is_text = literal_base(left.type) is str
    if is_text and isinstance(node.op, ast.Mod):
        site.refuse(node, "texts are not formatted with `%` in a workflow", "Write an f-string.")
        return POISON
    tp = _result(node.op, left.type, right.type)
    if tp is None:
        names = f"{type_name(left.type)} and {type_name(right.type)}"
        verb = _VERBS.get(type(node.op), "combined")
        site.refuse(node, f"{names} cannot be {verb} in Python", "Convert one of them first.")
        return POISON
    operands = native(site, node.left, left), native(site, node.right, right)
    return Value(ast.BinOp(operands[0], node.op, operands[1]), type=tp, native=True)


def _result(operator: ast.operator, left: Any, right: Any) -> Any:
    if is_sequence(left) and is_sequence(right) and isinstance(operator, ast.Add):
        return list[joined([element(left), element(right)])]
    if isinstance(operator, ast.Mult) and str in (literal_base(left), literal_base(right)):
        return str
    return arithmetic(left, right, divides=isinstance(operator, ast.Div))
