"""What one evaluation may use: steps, work, sizes; nothing that a definition says goes beyond."""

from __future__ import annotations

from typing import Any

from pavane.core.expressions.roots import Lookup
from pavane.core.expressions.shapes import is_map, is_series

MAX_SOURCE_CHARS = 10_000
MAX_NODES = 2_000
MAX_DEPTH = 50
MAX_STEPS = 100_000
"""Visits of expression nodes, and elements that comprehensions produce."""
MAX_WORK = 2_000_000
"""Elements (or runs of 16 characters) that built-in operations touch beyond those steps.

A comparison or an addition inside an operation counts four, because it takes that much longer.
"""
MAX_ELEMENTS = 1_000_000
"""Characters of one text, members of one list or map."""
MAX_INT_BITS = 10_000
MAX_EXPONENT = 3_000
"""Decimal exponent, so that writing a Decimal out stays short."""
MAX_DATA_DEPTH = 200
"""Lists and maps inside one another, where two values are compared or written out."""

FAULTS = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
)
"""What a built-in operation may raise; always turned into `Refused`."""


class Refused(Exception):
    """Internal: an expression cannot go on; becomes an ExpressionError that knows the place."""

    def __init__(
        self, message: str, remedy: str = "", *, line: int = 0, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.line = line
        self.column = column


class Run:
    """One evaluation: its data, its comprehension variables and what it has used so far."""

    __slots__ = ("lookup", "steps", "variables", "work")

    def __init__(self, lookup: Lookup, variables: int) -> None:
        self.lookup = lookup
        self.variables: list[Any] = [None] * variables
        self.steps = 0
        self.work = 0

    def step(self, count: int = 1) -> None:
        """Count node visits or produced elements."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise Refused(
                f"the expression needs more than {MAX_STEPS} steps",
                "Work over fewer elements, or make it a task.",
            )

    def charge(self, units: int) -> None:
        """Count elements that a built-in operation is about to touch."""
        self.work += units
        if self.work > MAX_WORK:
            raise Refused(
                "the expression works over too much data",
                "Work over fewer elements, or make it a task.",
            )

    def grow(self, size: int) -> None:
        """Refuse a text, list or map of `size` elements before it is made, if it is too big."""
        if size > MAX_ELEMENTS:
            raise Refused(
                f"the expression would make a value of {size_words(size)} elements"
                f" (at most {MAX_ELEMENTS})",
                "Make a smaller value, or make it a task.",
            )
        self.charge(1 + (size >> 4))


def size_words(size: int) -> str:
    """A size for a message; a number too long to be written out is only called big."""
    return str(size) if size.bit_length() < 64 else "far too many"


def weigh(run: Run, value: Any) -> None:
    """Charge for every element inside `value`, each as often as it stands there."""
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            run.charge(1 + (len(item) >> 4))
        elif is_map(item):
            run.charge(1 + 2 * len(item))
            pending.extend(item.keys())
            pending.extend(item.values())
        elif is_series(item):
            run.charge(1 + len(item))
            pending.extend(item)
        else:
            run.charge(1)


def kind(value: Any) -> str:
    """The name of a value's type as messages use it."""
    if value is None:
        return "null"
    name = type(value).__name__
    return {"str": "text", "dict": "map"}.get(name, name)
