"""Arithmetic of the evaluator: Python's, with Decimals exact and every result bounded."""

from __future__ import annotations

import ast
from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any, TypeAlias

from pavane.core.expressions.bounds import (
    FAULTS,
    MAX_EXPONENT,
    MAX_INT_BITS,
    Refused,
    Run,
    kind,
)
from pavane.core.expressions.shapes import is_chain

Operation: TypeAlias = Callable[[Run, Any, Any], Any]

# A context of our own: the thread's could be changed by the application.
DECIMALS = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)


def check_number(value: Any) -> Any:
    """The value, if it is no number or one of bounded size."""
    if isinstance(value, int):
        if value.bit_length() > MAX_INT_BITS:
            raise Refused(
                f"a whole number of more than {MAX_INT_BITS} bits would result",
                "Use smaller numbers, or float().",
            )
    elif isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
            raise Refused(
                f"a Decimal beyond 1E+{MAX_EXPONENT} or without a value would result",
                "Use smaller numbers.",
            )
    elif isinstance(value, complex):
        raise Refused("a negative number has no real root", "Test for a negative number first.")
    return value


def paired(left: Any, right: Any) -> tuple[Any, Any]:
    """Both operands as they are; a float beside a Decimal becomes one through its shortest text."""
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, exact(right)
    if isinstance(right, Decimal) and isinstance(left, float):
        return exact(left), right
    return left, right


def exact(number: float) -> Decimal:
    """The Decimal that a float is written as; refuses an infinite one and NaN."""
    return check_number(Decimal(repr(number)))


def apply(symbol: str, operation: Operation, run: Run, left: Any, right: Any) -> Any:
    """Carry out a binary operation; whatever goes wrong is said in the expression's words."""
    left, right = paired(left, right)
    run.charge(4)
    try:
        return check_number(operation(run, left, right))
    except ZeroDivisionError as error:
        raise Refused("division by zero", "Test the divisor first: a / b if b else 0.") from error
    except OverflowError as error:
        raise Refused(f"the result of `{symbol}` is too large", "Use smaller values.") from error
    except TypeError as error:
        raise Refused(
            f"`{symbol}` has no meaning between {kind(left)} and {kind(right)}",
            _remedy(left, right),
        ) from error
    except FAULTS as error:
        raise Refused(
            f"`{symbol}` failed between {kind(left)} and {kind(right)}", "Check both values."
        ) from error


def _remedy(left: Any, right: Any) -> str:
    if isinstance(left, str) or isinstance(right, str):
        return "Convert the text first, with int(), decimal() or date(), or the other with str()."
    if left is None or right is None:
        return "Give it a value first: x if x is not None else 0."
    return "Convert one of them first."


def add(run: Run, left: Any, right: Any) -> Any:
    """`+`."""
    if Decimal in (type(left), type(right)):
        return DECIMALS.add(left, right)
    if is_chain(left) and is_chain(right):
        run.grow(len(left) + len(right))
        run.charge(_items_in(left) + _items_in(right))
    return left + right


def _items_in(value: Any) -> int:
    """Elements to copy one by one; characters are copied in bulk."""
    return 0 if isinstance(value, str) else len(value)


def subtract(run: Run, left: Any, right: Any) -> Any:
    """`-`."""
    if Decimal in (type(left), type(right)):
        return DECIMALS.subtract(left, right)
    return left - right


def multiply(run: Run, left: Any, right: Any) -> Any:
    """`*`; a text or list is repeated only up to the bound."""
    if is_chain(right):
        left, right = right, left
    if is_chain(left):
        if isinstance(right, int):
            size = len(left) * max(right, 0)
            run.grow(size)
            run.charge(_items_in(left) * max(right, 0))
    elif Decimal in (type(left), type(right)):
        return DECIMALS.multiply(left, right)
    return left * right


def divide(run: Run, left: Any, right: Any) -> Any:
    """`/`."""
    if Decimal in (type(left), type(right)):
        _check_divisor(right)
        return DECIMALS.divide(left, right)
    return left / right


def floor_divide(run: Run, left: Any, right: Any) -> Any:
    """`//`."""
    if Decimal in (type(left), type(right)):
        _check_divisor(right)
        return DECIMALS.divide_int(left, right)
    return left // right


def modulo(run: Run, left: Any, right: Any) -> Any:
    """`%` of numbers; texts are not formatted with it."""
    if isinstance(left, str):
        raise Refused("texts are not formatted with `%`", "Write an f-string: f'{x} items'.")
    if Decimal in (type(left), type(right)):
        _check_divisor(right)
        return DECIMALS.remainder(left, right)
    return left % right


def power(run: Run, left: Any, right: Any) -> Any:
    """`**`, with the size of a whole-number result bounded beforehand."""
    if isinstance(left, int) and isinstance(right, int):
        if right > 0 and abs(left) > 1 and (abs(left).bit_length() - 1) * right > MAX_INT_BITS:
            raise OverflowError
        if right < 0 and -right > MAX_INT_BITS:
            raise OverflowError
    elif Decimal in (type(left), type(right)):
        return DECIMALS.power(left, right)
    return left**right


def _check_divisor(divisor: Any) -> None:
    if isinstance(divisor, (int, Decimal)) and not divisor:
        raise ZeroDivisionError


BINARY: dict[type[ast.operator], tuple[str, Operation]] = {
    ast.Add: ("+", add),
    ast.Sub: ("-", subtract),
    ast.Mult: ("*", multiply),
    ast.Div: ("/", divide),
    ast.FloorDiv: ("//", floor_divide),
    ast.Mod: ("%", modulo),
    ast.Pow: ("**", power),
}


def negative(value: Any) -> Any:
    """Unary `-`."""
    return DECIMALS.minus(value) if isinstance(value, Decimal) else -value


def positive(value: Any) -> Any:
    """Unary `+`."""
    return DECIMALS.plus(value) if isinstance(value, Decimal) else +value
