"""Data of a workflow as it is read: an expression over paths, its type, and how it is written."""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass, field, replace
from typing import Any

from pavane.core.expressions.evaluator import compile_expression
from pavane.core.expressions.wire import to_wire
from pavane.language.contract import RESULT, is_none, is_object, wire_value, without_none
from pavane.language.kinds import conversion, is_plain_enum, literal_base
from pavane.language.writing import written


@dataclass(frozen=True, slots=True)
class Value:
    """A piece of data: an expression of the evaluator whose names are step references.

    `native` says that evaluating it already gives the Python type (else it gives what travels).
    `parts` and `fields` keep the insides of displays, so that unpacking needs no evaluation.
    """

    expr: ast.expr
    type: Any = Any
    native: bool = False
    parts: tuple[Value, ...] | None = None
    fields: dict[str, Value] | None = field(default=None, hash=False)
    guarded: ast.expr | None = None  # reads a field's default where it was left out
    sides: tuple[Value, ast.cmpop, Value] | None = None  # of a comparison of two
    ways: Ways | None = None  # of a race: the name of the winner, and what each would have given
    poison: bool = False

    def with_type(self, tp: Any) -> Value:
        """The same data with a better known type."""
        return replace(self, type=tp)


Ways = tuple[Value, tuple[tuple[str, Value], ...]]

POISON = Value(ast.Constant(None), poison=True)
"""Stands where something was refused; whatever reads it says nothing more."""

NOTHING = Value(ast.Constant(None), type=type(None), native=True)


def constant(value: Any) -> Value:
    """A constant of Python: text, number, bool, None, enum member, Decimal, date, UUID, tuple."""
    if isinstance(value, (tuple, frozenset)):
        items = tuple(constant(item) for item in value)  # pyright: ignore[reportUnknownVariableType]  # any tuple
        return sequence(items, tuple)
    wire = wire_value(value)
    return Value(ast.Constant(wire), type=type(value), native=not conversion(type(value)))


def sequence(items: tuple[Value, ...], tp: Any = list) -> Value:
    """A list or tuple of values; on the wire always a list."""
    if any(item.poison for item in items):
        return POISON
    shown = ast.List([on_the_wire(item) for item in items], ast.Load())
    if tp is tuple and items:
        tp = tuple[tuple(item.type for item in items)]
    return Value(shown, type=tp, native=all(item.native for item in items), parts=items)


def record(fields: dict[str, Value], tp: Any) -> Value:
    """An object with these members, by their names on the wire."""
    if any(item.poison for item in fields.values()):
        return POISON
    shown = ast.Dict(
        [ast.Constant(name) for name in fields], [on_the_wire(item) for item in fields.values()]
    )
    return Value(shown, type=tp, fields=fields)


def on_the_wire(value: Value) -> ast.expr:
    """The expression that gives what travels; a field that was left out reads as its default."""
    return value.expr if value.guarded is None else value.guarded


def path(root: str, *members: str | int, tp: Any = Any) -> Value:
    """The value that stands at a path."""
    expr: ast.expr = ast.Name(root, ast.Load())
    for step in members:
        expr = stepped(expr, step)
    return Value(expr, type=tp)


def stepped(expr: ast.expr, step: str | int) -> ast.expr:
    """The expression one member or index further."""
    if isinstance(step, str) and step.isidentifier() and not keyword.iskeyword(step):
        return ast.Attribute(expr, step, ast.Load())
    return ast.Subscript(expr, ast.Constant(step), ast.Load())


def step_result(ref: str, tp: Any) -> Value:
    """The result of a step, whose output is the result or wraps it."""
    if is_none(tp):
        return NOTHING
    if is_object(tp):
        return path(ref, "output", tp=tp)
    return path(ref, "output", RESULT, tp=tp)


def or_nothing(value: Value) -> Value:
    """An object that may not have come: an empty one counts as None."""
    expr = ast.BoolOp(ast.Or(), [value.expr, ast.Constant(None)])
    return replace(value, expr=expr, type=value.type | None)


def what_came(expr: ast.expr) -> ast.expr:
    """What `or_nothing` stands for, to read a field of it."""
    is_or = isinstance(expr, ast.BoolOp) and isinstance(expr.op, ast.Or) and len(expr.values) == 2
    last = expr.values[-1] if isinstance(expr, ast.BoolOp) and is_or else None
    if isinstance(expr, ast.BoolOp) and isinstance(last, ast.Constant) and last.value is None:
        return expr.values[0]
    return expr


def members_of(expr: ast.expr) -> tuple[str | int, ...] | None:
    """Root and members of a pure path; None for any other expression."""
    if isinstance(expr, ast.Name):
        return (expr.id,)
    if isinstance(expr, ast.Attribute):
        before = members_of(expr.value)
        return None if before is None else (*before, expr.attr)
    if isinstance(expr, ast.Subscript) and isinstance(expr.slice, ast.Constant):
        before, index = members_of(expr.value), expr.slice.value
        if before is not None and type(index) is int and index >= 0:
            return (*before, index)
    return None


def path_text(expr: ast.expr) -> str | None:
    """A pure path as Conductor writes it, without `${}`; None for any other expression."""
    members = members_of(expr)
    if members is None:
        return None
    return str(members[0]) + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in members[1:]
    )


def template(value: Value) -> Any:
    """The value as it stands in a definition: plain data with `${…}` and `${= … }` inside.

    ExpressionError where something that reads no data cannot be worked out.
    """
    value = folded(value)
    if value.fields is not None:
        return {name: template(item) for name, item in value.fields.items()}
    if value.parts is not None:
        return [template(item) for item in value.parts]
    expr = value.expr
    if isinstance(expr, ast.Constant):
        return escaped(expr.value) if isinstance(expr.value, str) else expr.value
    if value.guarded is not None and has_default(value):
        return f"${{= {written(value.guarded)} }}"
    plain_path = path_text(expr)
    if plain_path is not None:
        return f"${{{plain_path}}}"
    if isinstance(expr, ast.JoinedStr):
        text = _text_with_paths(expr)
        if text is not None:
            return text
    return f"${{= {written(expr)} }}"


def has_default(value: Value) -> bool:
    """Whether a field that is left out means something else than null."""
    if not isinstance(value.guarded, ast.Call):
        return False
    default = value.guarded.args[1]
    return not (isinstance(default, ast.Constant) and default.value is None)


MAX_SIZE = 2_000
"""Nodes of one expression, as the evaluator bounds them."""


def size_of(expr: ast.AST) -> int:
    """How many nodes an expression has when it is written out; shared parts count each time."""
    known = getattr(expr, _SIZE, None)
    if isinstance(known, int):
        return known
    size = 1 + sum(size_of(child) for child in ast.iter_child_nodes(expr))
    setattr(expr, _SIZE, size)
    return size


_SIZE = "pavane_size"


def escaped(text: str) -> str:
    """A text that is no expression even if it looks like one."""
    return text.replace("${", "$${")


class _Nowhere:
    """The data of an expression that reads none."""

    def root(self, name: str) -> object:
        raise KeyError(name)


def folded(value: Value) -> Value:
    """The value worked out now, if it reads no data; else as it is. ExpressionError if it fails."""
    if value.poison or isinstance(value.expr, ast.Constant) or value.parts or value.fields:
        return value
    source = compile_expression(written(value.expr))
    if source.names:
        return value
    result = to_wire(source.evaluate(_Nowhere()))
    if isinstance(result, (dict, list)):
        return value
    return Value(ast.Constant(result), type=value.type, native=not conversion(value.type))


PATH_IN_TEXT = "pavane_path_in_text"
"""Marks a formatted value whose text is the same by Conductor's rules and by Python's."""


def _text_with_paths(expr: ast.JoinedStr) -> str | None:
    pieces: list[str] = []
    for piece in expr.values:
        if isinstance(piece, ast.Constant):
            pieces.append(escaped(str(piece.value)))
        elif isinstance(piece, ast.FormattedValue) and getattr(piece, PATH_IN_TEXT, False):
            pieces.append(f"${{{path_text(piece.value)}}}")
        else:
            return None
    text = "".join(pieces)
    return None if _ENDS_IN_DOLLAR.search("\0".join(pieces)) else text


_ENDS_IN_DOLLAR = re.compile(r"\$\0\$\{")  # "$" before "${…}" would read as an escape


def reads_same_as_text(value: Value) -> bool:
    """Whether a path inside a text gives what an f-string gives (not so for bool or float)."""
    base, maybe_none = without_none(value.type)
    base = literal_base(base)
    if members_of(value.expr) is None or maybe_none or is_plain_enum(base) or has_default(value):
        return False
    if not isinstance(base, type) or base is bool:
        return False
    return issubclass(base, (str, int)) or conversion(base) in ("decimal", "date", "uuid")


def same(a: Value, b: Value) -> bool:
    """Whether two values are written alike."""
    return ast.dump(a.expr) == ast.dump(b.expr)
