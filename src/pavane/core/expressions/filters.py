"""The test of a `[?(…)]`: comparison, membership, existence, `&&`, `||`, `!`, as in Jayway."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from pavane.core.expressions.bounds import MAX_DEPTH
from pavane.core.expressions.cursor import Cursor
from pavane.core.expressions.paths import Filter, Path, Step
from pavane.core.expressions.selection import MISSING, Search
from pavane.core.expressions.shapes import is_list, is_sized

Test: TypeAlias = Callable[[Any, Any], bool]
"""Called with the item and the Search."""
Operand: TypeAlias = Callable[[Any, Any], Any]
ReadSteps: TypeAlias = Callable[..., list[Step]]
"""The reader of path steps: given, because a path may hold a filter and a filter paths."""
_STOPS = "=<>!&|)],;\"'"
_REMEDY = "Write a test such as [?(@.price < 10 && @.kind == 'book')]."


def read_filter(cursor: Cursor, read_steps: ReadSteps) -> Filter:
    """Read `( test )`, after the question mark."""
    if not cursor.take_spaced("("):
        raise cursor.refused("a filter stands in parentheses: `[?( … )]`", _REMEDY)
    reader = _Reader(cursor, read_steps)
    test = reader.any_of()
    if not cursor.take_spaced(")"):
        raise cursor.refused("the filter is not closed here", _REMEDY)
    return Filter(test, tuple(reader.paths))


class _Reader:
    """Reads one filter; collects the absolute paths in it."""

    def __init__(self, cursor: Cursor, read_steps: ReadSteps) -> None:
        self.cursor = cursor
        self.read_steps = read_steps
        self.paths: list[Path] = []

    def any_of(self) -> Test:
        tests = [self.all_of()]
        while self.cursor.take_spaced("||"):
            tests.append(self.all_of())
        if len(tests) == 1:
            return tests[0]
        return lambda item, search: any(test(item, search) for test in tests)

    def all_of(self) -> Test:
        tests = [self.one()]
        while self.cursor.take_spaced("&&"):
            tests.append(self.one())
        if len(tests) == 1:
            return tests[0]
        return lambda item, search: all(test(item, search) for test in tests)

    def one(self) -> Test:
        self.cursor.spaces()
        self.cursor.depth += 1
        if self.cursor.depth > MAX_DEPTH:
            raise self.cursor.refused(
                f"the filter is nested more than {MAX_DEPTH} deep", "Write a simpler filter."
            )
        if self.cursor.take("!"):
            inner = self.one()
            test = _negated(inner)
        elif self.cursor.take("("):
            test = self.any_of()
            if not self.cursor.take_spaced(")"):
                raise self.cursor.refused("a parenthesis is not closed here", _REMEDY)
        else:
            test = self.comparison()
        self.cursor.depth -= 1
        return test

    def comparison(self) -> Test:
        begin = self.cursor.at
        left, is_path = self.operand()
        self.cursor.spaces()
        operator = self.operator()
        if operator is None:
            if self.cursor.peek() not in (")", "&", "|"):
                raise self.cursor.refused(
                    f"a comparison is expected before `{self.cursor.peek() or 'the end'}`",
                    f"Use one of {' '.join(_OPERATORS)}.",
                )
            if not is_path:
                self.cursor.at = begin
                raise self.cursor.refused("a value alone is no test", _REMEDY)
            return lambda item, search: left(item, search) is not MISSING
        self.cursor.spaces()
        right, _ = self.operand()
        compare = _OPERATORS[operator]

        def test(item: Any, search: Search) -> bool:
            search.spend(1)
            return compare(left(item, search), right(item, search), search)

        return test

    def operator(self) -> str | None:
        """The operator that stands here, if any."""
        for operator in _OPERATORS:
            begin = self.cursor.at
            if self.cursor.take(operator):
                if not operator.isalpha() or not self.cursor.peek().isalnum():
                    return operator
                self.cursor.at = begin
        return None

    def operand(self) -> tuple[Operand, bool]:
        """A path or a literal; the flag says that it is a path."""
        char = self.cursor.peek()
        if char == "@":
            self.cursor.at += 1
            relative = Path("", tuple(self.read_steps(self.cursor, stops=_STOPS)))
            return lambda item, search: search.below(relative, item), True
        if char == "$":
            self.cursor.at += 1
            steps = self.read_steps(self.cursor, stops=_STOPS)
            if not steps or not isinstance(steps[0], str):
                raise self.cursor.refused("`$` is not followed by the name of a root", _REMEDY)
            absolute = Path(steps[0], tuple(steps[1:]))
            self.paths.append(absolute)
            return lambda item, search: search.absolute(absolute), True
        value = self.literal()
        return lambda item, search: value, False

    def literal(self) -> Any:
        char = self.cursor.peek()
        if char in ("'", '"'):
            return self.cursor.quoted()
        if char == "[":
            self.cursor.at += 1
            values: list[Any] = []
            while not self.cursor.take_spaced("]"):
                if values and not self.cursor.take(","):
                    raise self.cursor.refused("`,` or `]` is expected here", _REMEDY)
                self.cursor.spaces()
                if self.cursor.peek() == "[":
                    raise self.cursor.refused("a list in a list means nothing here", _REMEDY)
                values.append(self.literal())
            return values
        begin = self.cursor.at
        while self.cursor.peek().isalnum() or self.cursor.peek() in ("-", "+", "."):
            self.cursor.at += 1
        word = self.cursor.text[begin : self.cursor.at]
        if word in _WORDS:
            return _WORDS[word]
        number = _number(word)
        if number is None:
            self.cursor.at = begin
            found = word or self.cursor.peek()
            raise self.cursor.refused(
                f"{f'`{found}`' if found else 'the end'} is neither a path nor a value",
                "Start paths with `@.` or `$.`, and put texts in quotes.",
            )
        return number


_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


def _negated(test: Test) -> Test:
    return lambda item, search: not test(item, search)


def _number(word: str) -> int | float | None:
    if len(word) > 40 or not word.isascii():
        return None
    try:
        return int(word)
    except ValueError:
        try:
            number = float(word)
        except ValueError:
            return None
    return number if number - number == 0 else None  # an infinite number or NaN is no literal


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _equal(left: Any, right: Any, search: Search) -> bool:
    """Jayway: a number and a text are compared as the left one's type; other types never equal."""
    if left is MISSING or right is MISSING:
        return left is right
    if is_sized(left):
        search.spend(1 + (len(left) >> 4))
    if _is_number(left) and isinstance(right, str):
        try:
            return len(right) <= 400 and Decimal(right) == Decimal(str(left))
        except InvalidOperation:
            return False
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    try:
        return bool(left == right)
    except RecursionError:
        return False


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Search], bool]:
    def compare(left: Any, right: Any, search: Search) -> bool:
        texts = isinstance(left, str) and isinstance(right, str)
        return (texts or (_is_number(left) and _is_number(right))) and holds(left, right)

    return compare


def _member(left: Any, right: Any, search: Search) -> bool:
    if not is_list(right):
        return False
    return any(_equal(left, each, search) for each in right)


# In the order in which they are tried: the longer before the shorter.
_OPERATORS: dict[str, Callable[[Any, Any, Search], bool]] = {
    "==": _equal,
    "!=": lambda left, right, search: not _equal(left, right, search),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "in": _member,
    "nin": lambda left, right, search: not _member(left, right, search),
}
