"""Reading the text of a path: Jayway's JSONPath dialect, from roots that are names."""

from __future__ import annotations

from functools import lru_cache

from pavane.core.expressions.bounds import MAX_SOURCE_CHARS, Refused
from pavane.core.expressions.cursor import Cursor
from pavane.core.expressions.filters import read_filter
from pavane.core.expressions.paths import (
    FUNCTIONS,
    Function,
    Indexes,
    Names,
    Path,
    Scan,
    Slice,
    Step,
    Wildcard,
)


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """Parse the text between `${` and `}`; raises Refused with the column for a malformed one."""
    if len(text) > MAX_SOURCE_CHARS:
        raise Refused(f"the path is longer than {MAX_SOURCE_CHARS} characters", "Shorten it.")
    cursor = Cursor(text)
    cursor.spaces()
    if cursor.peek() == "@":
        raise cursor.refused("`@` has a meaning only inside a filter `[?( … )]`", _ROOT_REMEDY)
    dollar = cursor.text[cursor.at : cursor.at + 2]
    if dollar in ("$.", "$["):
        cursor.at += 1
        steps = read_steps(cursor, stops="")
    elif dollar == "$":
        raise cursor.refused("`$` alone names no value", _ROOT_REMEDY)
    else:
        steps = read_steps(cursor, stops="", first=True)
    cursor.spaces()
    if not cursor.done:
        raise cursor.refused(f"`{cursor.peek()}` is not expected here", _SYNTAX_REMEDY)
    root = steps[0] if steps else None
    if not isinstance(root, str) or not root:
        raise cursor.refused("the path does not start with a name", _ROOT_REMEDY)
    return Path(root, tuple(steps[1:]))


_ROOT_REMEDY = "Start with `workflow` or the reference name of a step."
_SYNTAX_REMEDY = (
    "Write a path such as workflow.input.order.total or pick.output.items[0]['unit price']."
)
_SPACE_REMEDY = "Write names with spaces in brackets: ['unit price']."


def read_steps(cursor: Cursor, *, stops: str, first: bool = False) -> list[Step]:
    """Read steps up to the end, a space, or one of the characters in `stops`."""
    steps: list[Step] = []
    if first and cursor.peek() not in (".", "["):
        steps.append(_read_name(cursor, stops))
    while not cursor.done and cursor.peek() in (".", "["):
        if steps and isinstance(steps[-1], Function):
            raise cursor.refused("a function ends a path", "Move it to the end of the path.")
        if cursor.take(".."):
            step = _read_bracket(cursor) if cursor.take("[") else _read_name(cursor, stops)
            if isinstance(step, Function):
                raise cursor.refused("a function cannot follow `..`", _SYNTAX_REMEDY)
            steps.append(Scan(step))
        elif cursor.take("[") or cursor.take(".["):
            steps.append(_read_bracket(cursor))
        else:
            cursor.at += 1
            steps.append(_read_name(cursor, stops))
    if not cursor.done and cursor.peek().isspace() and not stops:
        cursor.spaces()
        if not cursor.done:
            raise cursor.refused("the path has a space in it", _SPACE_REMEDY)
    return steps


def _read_name(cursor: Cursor, stops: str) -> Step:
    """A name after a dot, `*`, or a function call."""
    if cursor.take("*"):
        return Wildcard()
    begin = cursor.at
    while not cursor.done:
        char = cursor.peek()
        if char == "(":
            name = cursor.text[begin : cursor.at]
            return _read_call(cursor, name, begin)
        if char in ".[" or char.isspace() or char in stops:
            break
        cursor.at += 1
    if cursor.at == begin:
        what = f"`{cursor.peek()}`" if not cursor.done else "the end"
        raise cursor.refused(f"a name is expected before {what}", _SYNTAX_REMEDY)
    return cursor.text[begin : cursor.at]


def _read_call(cursor: Cursor, name: str, begin: int) -> Function:
    cursor.at += 1
    cursor.spaces()
    if name not in FUNCTIONS or not cursor.take(")"):
        cursor.at = begin
        raise cursor.refused(
            f"`{name}(…)` is not a function of paths",
            f"Use one of {', '.join(FUNCTIONS)}, without arguments, or compute it: ${{= … }}.",
        )
    return Function(name)


def _read_bracket(cursor: Cursor) -> Step:
    """What stands in brackets, after the opening one; takes the closing one too."""
    opened = cursor.at - 1
    cursor.spaces()
    char = cursor.peek()
    step: Step
    if cursor.take("*"):
        step = Wildcard()
    elif cursor.take("?"):
        step = read_filter(cursor, read_steps)
    elif char in ("'", '"'):
        names = [cursor.quoted()]
        while cursor.take_spaced(","):
            cursor.spaces()
            names.append(cursor.quoted())
        step = names[0] if len(names) == 1 else Names(tuple(names))
    else:
        step = _read_indexes(cursor)
    if not cursor.take_spaced("]"):
        if cursor.done:
            cursor.at = opened
            raise cursor.refused("`[` is never closed", "Close it with `]`.")
        raise cursor.refused(f"`{cursor.peek()}` is not expected here", _SYNTAX_REMEDY)
    return step


def _read_indexes(cursor: Cursor) -> Step:
    start = cursor.integer()
    if cursor.take_spaced(":"):
        cursor.spaces()
        return Slice(start, cursor.integer())
    if start is None:
        raise cursor.refused(
            "brackets hold a quoted name, an index, a slice, `*` or a filter `?( … )`",
            _SYNTAX_REMEDY,
        )
    indexes = [start]
    while cursor.take_spaced(","):
        cursor.spaces()
        index = cursor.integer()
        if index is None:
            raise cursor.refused("an index is expected after the comma", _SYNTAX_REMEDY)
        indexes.append(index)
    return indexes[0] if len(indexes) == 1 else Indexes(tuple(indexes))
