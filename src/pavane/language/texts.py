"""Formatted texts: `${…}` inside a text where Conductor writes the same as Python does."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pavane.language.contract import is_record, type_name, without_none
from pavane.language.kinds import is_enum, is_plain_enum, is_sequence, literal_base
from pavane.language.operands import call, native
from pavane.language.values import PATH_IN_TEXT, POISON, Value, reads_same_as_text

if TYPE_CHECKING:
    from pavane.language.expressions import Reader


def joined_text(reader: Reader, node: ast.JoinedStr) -> Value:
    """An f-string."""
    pieces: list[ast.expr] = []
    poisoned = False
    for piece in node.values:
        if isinstance(piece, ast.FormattedValue):
            made = _formatted(reader, piece)
            poisoned = poisoned or made is None
            pieces += [] if made is None else [made]
        else:
            pieces.append(piece)
    return POISON if poisoned else _merged(pieces)


def _formatted(reader: Reader, piece: ast.FormattedValue) -> ast.expr | None:
    value = reader.read(piece.value)
    if value.poison or not has_text(reader, piece.value, value):
        return None
    spec: ast.expr | None = None
    if piece.format_spec is not None:
        read = reader.read(piece.format_spec)
        if read.poison:
            return None
        spec = read.expr if isinstance(read.expr, ast.JoinedStr) else ast.JoinedStr([read.expr])
    if piece.conversion == ord("r") or piece.conversion == ord("a"):
        reader.refuse(piece.value, "`!r` and `!a` show Python objects, not data", "Leave it out.")
        return None
    if isinstance(value.expr, ast.Constant) and spec is None:
        return ast.Constant(str(value.expr.value))
    if spec is None and reads_same_as_text(value):
        plain = ast.FormattedValue(value.expr, -1, None)
        setattr(plain, PATH_IN_TEXT, True)
        return plain
    return ast.FormattedValue(for_text(reader, piece.value, value), piece.conversion, spec)


def for_text(reader: Reader, node: ast.expr, value: Value) -> ast.expr:
    """The operand of `str()`: a float that was written as `1` reads as 1.0, as in Python."""
    operand = native(reader.site, node, value)
    is_float = literal_base(value.type) is float and not without_none(value.type)[1]
    return call("float", operand) if is_float and not value.native else operand


def has_text(reader: Reader, node: ast.expr, value: Value) -> bool:
    """Whether `str(value)` in Python is what can be written from the wire; else a finding."""
    tp = without_none(value.type)[0]
    if is_plain_enum(tp):
        reader.refuse(
            node,
            f"the text of a {type_name(tp)} is its Python name, which does not travel",
            "Write `.value`, or make it a StrEnum.",
        )
        return False
    if is_record(tp) or value.fields is not None:
        reader.refuse(
            node, f"a {type_name(tp)} has no text form in a workflow", "Name the fields you mean."
        )
        return False
    if is_enum(tp) and issubclass(tp, str) and tp.__str__ is not str.__str__:
        reader.refuse(
            node, f"the text of a {type_name(tp)} differs from its value", "Write `.value`."
        )
        return False
    if is_sequence(tp):
        reader.refuse(
            node,
            "the text of a list is for Python's eyes only",
            'Join its elements: ", ".join(…).',
        )
        return False
    return True


def _merged(pieces: list[ast.expr]) -> Value:
    merged: list[ast.expr] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, ast.Constant) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(str(last.value) + str(piece.value))
        else:
            merged.append(piece)
    if all(isinstance(piece, ast.Constant) for piece in merged):
        text = "".join(str(piece.value) for piece in merged if isinstance(piece, ast.Constant))
        return Value(ast.Constant(text), type=str, native=True)
    return Value(ast.JoinedStr(merged), type=str, native=True)
