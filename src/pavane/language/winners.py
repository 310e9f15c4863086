"""Which branch of a race a value comes from: asked by the winner's name instead of by the value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from pavane.language.contract import is_none, without_none
from pavane.language.values import Value, constant


def ways(value: Value, fits: Callable[[Any], bool]) -> list[tuple[str, Value]]:
    """The branches whose results are of types that fit, by name.

    None of them where another one may give such a value too, or one of these something else; and
    of what is no result of a race.
    """
    if value.ways is None or not all(_is_sure(each.type) for _, each in value.ways[1]):
        return []
    return [(ref, each) for ref, each in value.ways[1] if fits(each.type)]


def _is_sure(tp: Any) -> bool:
    """Whether a result is certain to be None, or certain not to be."""
    return is_none(tp) or (tp is not Any and not without_none(tp)[1])


def none_ways(value: Value) -> list[str]:
    """The branches without a result."""
    return [ref for ref, _ in ways(value, is_none)]


def won_by(value: Value, names: Sequence[str], *, negated: bool = False) -> Value:
    """The test whether one of these branches has won (or none of them)."""
    assert value.ways is not None
    winner = value.ways[0]
    if len(names) == 1:
        one = constant(names[0])
        operator: ast.cmpop = ast.NotEq() if negated else ast.Eq()
        test = ast.Compare(winner.expr, [operator], [one.expr])
        return Value(test, type=bool, native=True, sides=(winner, operator, one))
    shown = ast.List([ast.Constant(name) for name in names], ast.Load())
    isin = ast.Compare(winner.expr, [ast.NotIn() if negated else ast.In()], [shown])
    return Value(isin, type=bool, native=True)
