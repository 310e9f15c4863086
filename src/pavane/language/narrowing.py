"""Of which class a value is: what the cases of a `match` ask of unions and of what may be None."""

from __future__ import annotations

import ast
from dataclasses import replace
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pavane.language import outside
from pavane.language.contract import (
    is_none,
    is_typed_dict,
    plain,
    type_name,
    wire_tag,
    without_none,
)
from pavane.language.kinds import is_known, joined, literal_base
from pavane.language.operands import is_none_test
from pavane.language.values import POISON, Value, constant, stepped, what_came
from pavane.language.winners import ways, won_by

if TYPE_CHECKING:
    from pavane.language.expressions import Reader
    from pavane.language.matches import IsA, Narrowed, Refused


def refused(reader: Reader, node: Refused) -> Value:
    """A pattern that there is not."""
    return reader.refuse(node, node.message, node.remedy)


def narrowed(reader: Reader, node: Narrowed) -> Value:
    """A value where its case has told its class."""
    value = reader.read(node.value)
    cls = outside.static(reader, node.cls)
    if value.poison or not isinstance(cls, type):
        return POISON
    members, maybe_none = _members(value.type)
    fitting = [each for each in members if _fits(each, cls)]
    if not fitting or (len(fitting) == len(members) and not maybe_none):
        return value
    won = ways(value, lambda tp: _is_among(tp, fitting))
    if len(won) == 1:
        return won[0][1]
    return replace(value, expr=what_came(value.expr), type=joined(fitting), ways=None)


def is_a(reader: Reader, node: IsA) -> Value:
    """The test whether a value is of a class: by its tag on the wire, or by its not being None."""
    value = reader.read(node.value)
    if value.poison:
        return POISON
    if not node.classes:
        return _is_none(reader, node, value)
    shown, named = ast.unparse(node.value), " | ".join(map(ast.unparse, node.classes))
    classes: list[type] = []
    for each in node.classes:
        cls = outside.static(reader, each)
        if not isinstance(cls, type):
            message = f"'{ast.unparse(each)}' is no class"
            return reader.refuse(each, message, "Name a class in the case.")
        classes.append(cls)
    members, maybe_none = _left(reader, node, value)
    if not all(is_known(each) for each in members):
        return reader.refuse(
            node,
            f"nothing is known about the type of {_subject(shown)}, so no case can ask for"
            " its class",
            f"Annotate it with a union, such as `{named} | None`.",
        )
    fitting = [each for each in members if any(_fits(each, cls) for cls in classes)]
    everything = _members(value.type)[0]
    if not fitting and any(_fits(each, cls) for each in everything for cls in classes):
        return constant(False)  # a case before has taken them all
    if not fitting:
        return reader.refuse(
            node,
            f"{_subject(shown)} is {type_name(value.type)}, which is never a {named}",
            "Ask for a class of the annotation.",
        )
    if len(fitting) == len(members):
        if not maybe_none:
            return constant(True)
        if won := ways(value, lambda tp: _is_among(tp, fitting)):
            return won_by(value, [ref for ref, _ in won])
        return Value(is_none_test(what_came(value.expr), negated=True), type=bool, native=True)
    return _by_tag(reader, node, value, members, fitting)


def _is_none(reader: Reader, node: IsA, value: Value) -> Value:
    """Always, where the cases before have taken all else that it may be."""
    members, maybe_none = _left(reader, node, value)
    if maybe_none and not members:
        return constant(True)
    none = ast.copy_location(ast.Constant(None), node)
    return reader.read(ast.copy_location(ast.Compare(node.value, [ast.Is()], [none]), node))


def _by_tag(
    reader: Reader, node: IsA, value: Value, members: list[Any], fitting: list[Any]
) -> Value:
    if won := ways(value, lambda tp: _is_among(tp, fitting)):
        return won_by(value, [ref for ref, _ in won])
    tags = [wire_tag(each) for each in members]
    fields = {None if tag is None else tag[0] for tag in tags}
    if None in fields or len(fields) > 1:
        names = " | ".join(type_name(each) for each in members)
        return reader.refuse(
            node,
            f"nothing on the wire says which of {names} a value is",
            "Make them structs with a tag: class Paid(msgspec.Struct, tag=True).",
        )
    wanted = [tag[1] for each in fitting if (tag := wire_tag(each)) is not None]
    field = str(next(iter(fields)))
    subject = Value(stepped(what_came(value.expr), field), type=type(wanted[0]))
    if len(wanted) == 1:
        one = constant(wanted[0])
        test = ast.Compare(subject.expr, [ast.Eq()], [one.expr])
        return Value(test, type=bool, native=True, sides=(subject, ast.Eq(), one))
    shown = ast.List([ast.Constant(tag) for tag in wanted], ast.Load())
    return Value(ast.Compare(subject.expr, [ast.In()], [shown]), type=bool, native=True)


def _left(reader: Reader, node: IsA, value: Value) -> tuple[list[Any], bool]:
    """The types that a value may still be of behind the cases before, and whether None is one."""
    members, maybe_none = _members(value.type)
    for each in node.taken:
        cls = None if isinstance(each, ast.Constant) else outside.static(reader, each)
        if cls is None:
            maybe_none = False
        elif isinstance(cls, type):
            members = [tp for tp in members if not _fits(tp, cls)]
    return members, maybe_none


def _members(tp: Any) -> tuple[list[Any], bool]:
    """The types of a union without None, and whether None was there."""
    base, maybe_none = without_none(tp)
    is_union = get_origin(base) in (Union, UnionType)
    return [plain(each) for each in get_args(base)] if is_union else [base], maybe_none


def _is_among(tp: Any, fitting: list[Any]) -> bool:
    """Whether all that a type may be is among these."""
    return not is_none(tp) and all(each in fitting for each in _members(tp)[0])


def _fits(tp: Any, cls: type) -> bool:
    if is_typed_dict(cls):  # Python cannot tell it from another dict
        return False
    base = literal_base(tp)
    origin = get_origin(base) or base
    return isinstance(origin, type) and issubclass(origin, cls)


def _subject(shown: str) -> str:
    return "the subject" if shown.startswith("match subject") else f"'{shown}'"
