"""Literals, operators, comparison and f-strings of computed expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pavane.core.expressions.bounds import FAULTS, MAX_INT_BITS, Refused, Run, kind
from pavane.core.expressions.comparing import ORDER, contains, equal
from pavane.core.expressions.compiler import WORDS, Compiler, Handler, Node, refused_at
from pavane.core.expressions.formatting import format_value
from pavane.core.expressions.operations import BINARY, apply, check_number, negative, positive
from pavane.core.expressions.refusals import REFUSED_OPERATORS


def _constant(compiler: Compiler, node: ast.Constant) -> Node:
    value = node.value
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise refused_at(node, "a text holds half of a character", "Write the whole character.")
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise refused_at(
            node, f"a {kind(value)} literal is not part of expressions", "Use a text or a number."
        )
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        raise refused_at(node, "the number is too long", f"At most {MAX_INT_BITS} bits.")
    if isinstance(value, float) and value - value != 0:
        raise refused_at(node, "the number is too large", "Write one below 1.8e308.")
    return lambda run: value


def _binary(compiler: Compiler, node: ast.BinOp) -> Node:
    if type(node.op) not in BINARY:
        symbol, remedy = REFUSED_OPERATORS[type(node.op).__name__]
        raise refused_at(node, f"`{symbol}` is not part of expressions", remedy)
    symbol, operation = BINARY[type(node.op)]
    left, right = compiler.compile(node.left), compiler.compile(node.right)
    return lambda run: apply(symbol, operation, run, left(run), right(run))


def _unary(compiler: Compiler, node: ast.UnaryOp) -> Node:
    operand = compiler.compile(node.operand)
    if isinstance(node.op, ast.Not):
        return lambda run: not operand(run)
    if isinstance(node.op, ast.Invert):
        raise refused_at(node, "`~` is not part of expressions", "Write `not` or a comparison.")
    operation = negative if isinstance(node.op, ast.USub) else positive

    def calculate(run: Run) -> Any:
        value = operand(run)
        try:
            return check_number(operation(value))
        except FAULTS as error:
            raise Refused(f"{kind(value)} has no sign", "Convert it to a number first.") from error

    return calculate


def _boolean(compiler: Compiler, node: ast.BoolOp) -> Node:
    parts = [compiler.compile(value) for value in node.values]
    stops_at = isinstance(node.op, ast.Or)

    def decide(run: Run) -> Any:
        value = None
        for part in parts:
            value = part(run)
            if bool(value) is stops_at:
                break
        return value

    return decide


def _conditional(compiler: Compiler, node: ast.IfExp) -> Node:
    test, then, other = (compiler.compile(each) for each in (node.test, node.body, node.orelse))
    return lambda run: then(run) if test(run) else other(run)


def _compare(compiler: Compiler, node: ast.Compare) -> Node:
    operands = [node.left, *node.comparators]
    tests = [
        _comparison(operator, operands[at], operands[at + 1])
        for at, operator in enumerate(node.ops)
    ]
    first = compiler.compile(node.left)
    pairs: list[tuple[Callable[[Run, Any, Any], bool], Node]] = []
    for test, operator, operand in zip(tests, node.ops, node.comparators, strict=True):
        if isinstance(operand, ast.Set) and isinstance(operator, (ast.In, ast.NotIn)):
            # A set has no order that is the same everywhere; to look into it, none is needed.
            members = ast.copy_location(ast.Tuple(operand.elts, ast.Load()), operand)
            pairs.append((test, compiler.compile(members)))
        else:
            pairs.append((test, compiler.compile(operand)))

    def compare(run: Run) -> bool:
        left = first(run)
        for test, operand in pairs:
            right = operand(run)
            if not test(run, left, right):
                return False
            left = right
        return True

    return compare


def _comparison(
    operator: ast.cmpop, left: ast.expr, right: ast.expr
) -> Callable[[Run, Any, Any], bool]:
    match operator:
        case ast.Eq():
            return equal
        case ast.NotEq():
            return lambda run, a, b: not equal(run, a, b)
        case ast.In():
            return contains
        case ast.NotIn():
            return lambda run, a, b: not contains(run, a, b)
        case ast.Is() | ast.IsNot():
            if not any(_is_singleton(each) for each in (left, right)):
                raise refused_at(
                    right, "`is` compares only with None, True or False", "Write `==` or `!=`."
                )
            wanted = isinstance(operator, ast.Is)
            return lambda run, a, b: (a is b) is wanted
        case _:
            return ORDER[_SYMBOLS[type(operator)]]


_SYMBOLS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def _is_singleton(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in WORDS
    return isinstance(node, ast.Constant) and (
        node.value is None or node.value is True or node.value is False
    )


def _fstring(compiler: Compiler, node: ast.JoinedStr) -> Node:
    parts = [_fstring_part(compiler, value) for value in node.values]

    def build(run: Run) -> str:
        texts = [part(run) for part in parts]
        run.grow(sum(len(each) for each in texts))
        return "".join(texts)

    return build


def _fstring_part(compiler: Compiler, node: ast.expr) -> Node:
    if not isinstance(node, ast.FormattedValue):
        return compiler.compile(node)
    value, conversion = compiler.compile(node.value), node.conversion
    if node.format_spec is None:
        return lambda run: format_value(run, value(run), conversion, "")
    spec = compiler.compile(node.format_spec)
    return lambda run: format_value(run, value(run), conversion, spec(run))


HANDLERS: dict[type[ast.expr], Handler] = {
    ast.Constant: _constant,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
    ast.Compare: _compare,
    ast.JoinedStr: _fstring,
}
