"""Reading `x.field` and `x[key]` by the type of `x`."""

from __future__ import annotations

import ast
import types
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any

from pavane.language import inlining, outside
from pavane.language.contract import (
    Field,
    is_record,
    is_typed_dict,
    leaves_defaults_out,
    record_fields,
    type_name,
    without_none,
)
from pavane.language.kinds import (
    element,
    is_enum,
    is_known,
    is_mapping,
    is_sequence,
    joined,
    member,
)
from pavane.language.operands import native
from pavane.language.source import MISSING
from pavane.language.values import POISON, Value, constant, members_of, stepped, what_came

if TYPE_CHECKING:
    from pavane.language.expressions import Reader

TEMPORAL: dict[Any, tuple[str, ...]] = {
    datetime: ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    date: ("year", "month", "day"),
    time: ("hour", "minute", "second", "microsecond"),
    timedelta: ("days", "seconds", "microseconds"),
}


def attribute(reader: Reader, node: ast.Attribute) -> Value:
    """`x.name`."""
    thing = outside.static(reader, node)
    if thing is not MISSING:
        return outside.folded(reader, node, thing)
    base_thing = outside.static(reader, node.value)
    if base_thing is not MISSING and not outside.is_constant(base_thing):
        if not isinstance(base_thing, (types.ModuleType, type)):
            return outside.folded(reader, node.value, base_thing)
        return reader.refuse(
            node, f"'{ast.unparse(node.value)}' has no '{node.attr}'", "Correct the name."
        )
    base = reader.read(node.value)
    if base.poison:
        return POISON
    return field(reader, node, replace(base, expr=what_came(base.expr)), node.attr)


def field(reader: Reader, node: ast.expr, base: Value, name: str) -> Value:
    """The field of a value, by the value's type."""
    tp = without_none(base.type)[0]
    known = record_fields(tp)
    if is_record(tp) and known is not None:
        found = next((each for each in known if each.name == name), None)
        if found is None:
            return _computed_or_missing(reader, node, base, name, known)
        return _known_field(base, found)
    if is_enum(tp):
        return _enum_part(reader, node, base, name, tp)
    if name in TEMPORAL.get(tp, ()):
        part = ast.Attribute(native(reader.site, node, base), name, ast.Load())
        return Value(part, type=int, native=True)
    if is_mapping(tp):
        return reader.refuse(
            node, f"a {type_name(tp)} has no attribute '{name}'", f'Write ["{name}"].'
        )
    if isinstance(tp, type) and is_known(tp) and not isinstance(tp, types.GenericAlias):
        return reader.refuse(
            node,
            f"{type_name(tp)} has no field '{name}'",
            "Use the value itself, or let a task return what you need.",
        )
    return Value(stepped(base.expr, name))


def _known_field(base: Value, found: Field) -> Value:
    if base.fields is not None and found.wire in base.fields:
        return base.fields[found.wire]
    expr = stepped(base.expr, found.wire)
    return Value(expr, type=found.type, guarded=_guarded(base, found))


def _guarded(base: Value, found: Field) -> ast.expr | None:
    """How to read a field that may be left out on the wire, as its default then says.

    What tasks return is written with all its fields; what comes from outside may lack some.
    """
    members = members_of(base.expr)
    from_task = members is not None and len(members) > 1 and members[1] == "output"
    if from_task and not leaves_defaults_out(base.type):
        return None
    default: ast.expr
    if found.default in ([], {}):
        default = ast.List([], ast.Load()) if found.default == [] else ast.Dict([], [])
    elif outside.is_constant(found.default) and not isinstance(found.default, (tuple, frozenset)):
        default = constant(found.default).expr
    else:
        return None
    get = ast.Attribute(base.expr, "get", ast.Load())
    return ast.Call(get, [ast.Constant(found.wire), default], [])


def _computed_or_missing(
    reader: Reader, node: ast.expr, base: Value, name: str, known: tuple[Field, ...]
) -> Value:
    tp = without_none(base.type)[0]
    thing = getattr(tp, name, None)
    if isinstance(thing, property) and isinstance(thing.fget, types.FunctionType):
        return inlining.inline(reader, node, thing.fget, [base], {})
    if callable(thing):
        return reader.refuse(
            node, f"'{name}' is a method of {type_name(tp)}", "Call it, or read a field."
        )
    close = get_close_matches(name, [each.name for each in known], 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    names = ", ".join(each.name for each in known)
    return reader.refuse(
        node,
        f"{type_name(tp)} has no field '{name}'{hint}",
        "" if close else f"Its fields are {names}." if names else "It has no fields.",
    )


def _enum_part(reader: Reader, node: ast.expr, base: Value, name: str, tp: type[Enum]) -> Value:
    if name == "value":
        kinds = joined([type(each.value) for each in tp])
        return Value(base.expr, type=kinds, native=base.native, guarded=base.guarded)
    return reader.refuse(
        node,
        f"only the value of a {type_name(tp)} travels, not its '{name}'",
        "Use `.value`, or compare with its members.",
    )


def subscript(reader: Reader, node: ast.Subscript) -> Value:
    """`x[key]`, `x[index]`, `x[a:b]`."""
    base_thing = outside.static(reader, node.value)
    if base_thing is not MISSING and not outside.is_constant(base_thing):
        return outside.folded(reader, node.value, base_thing)
    base = reader.read(node.value)
    if base.poison:
        return POISON
    if isinstance(node.slice, ast.Slice):
        return _sliced(reader, node, base, node.slice)
    key = reader.read(node.slice)
    if key.poison:
        return POISON
    return _item(reader, node, base, key)


def _item(reader: Reader, node: ast.Subscript, base: Value, key: Value) -> Value:
    tp = without_none(base.type)[0]
    fixed = key.expr.value if isinstance(key.expr, ast.Constant) else None
    if is_record(tp):
        name = fixed if isinstance(fixed, str) else "field"
        return reader.refuse(
            node, f"{type_name(tp)} is not read with brackets", f"Write .{name} instead."
        )
    if base.parts is not None and type(fixed) is int:
        if -len(base.parts) <= fixed < len(base.parts):
            return base.parts[fixed]
        return reader.refuse(
            node,
            f"there are only {len(base.parts)} values, none at {fixed}",
            "The first one is at 0.",
        )
    if isinstance(fixed, str) and not is_sequence(tp) and tp is not str:
        return _member(reader, node, base, fixed)
    if type(fixed) is int and fixed >= 0 and not base.native and tp is not str:
        return Value(stepped(base.expr, fixed), type=element(tp, fixed))
    raw = base.guarded if base.guarded is not None else base.expr
    tp = member(tp) if is_mapping(tp) else element(tp, fixed if type(fixed) is int else None)
    index = native(reader.site, node.slice, key)
    return Value(ast.Subscript(raw, index, ast.Load()), type=tp, native=base.native)


def _member(reader: Reader, node: ast.Subscript, base: Value, key: str) -> Value:
    tp = without_none(base.type)[0]
    if base.fields is not None:
        if key in base.fields:
            return base.fields[key]
        names = ", ".join(repr(each) for each in base.fields)
        return reader.refuse(node, f"this dict has no member {key!r}", f"It has {names}.")
    if is_typed_dict(tp):
        known = record_fields(tp) or ()
        found = next((each for each in known if each.name == key), None)
        if found is None:
            close = get_close_matches(key, [each.name for each in known], 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            names = ", ".join(each.name for each in known)
            return reader.refuse(
                node, f"{type_name(tp)} has no member '{key}'{hint}", f"It has {names}."
            )
        return Value(stepped(base.expr, key), type=found.type)
    if isinstance(base.expr, (ast.Dict, ast.DictComp)):  # `{…}.key` would look odd
        return Value(ast.Subscript(base.expr, ast.Constant(key), ast.Load()), type=member(tp))
    return Value(stepped(base.expr, key), type=member(tp))


def _sliced(reader: Reader, node: ast.Subscript, base: Value, bounds: ast.Slice) -> Value:
    written: list[ast.expr | None] = []
    for bound in (bounds.lower, bounds.upper, bounds.step):
        value = None if bound is None else reader.read(bound)
        if value is not None and value.poison:
            return POISON
        written.append(None if value is None else native(reader.site, node, value))
    cut = ast.Slice(*written)
    return Value(ast.Subscript(base.expr, cut, ast.Load()), type=base.type, native=base.native)
