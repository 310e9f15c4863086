"""Lists and dicts that are written out, also with the members of others in them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, get_args

from pavane.language.contract import type_name, without_none
from pavane.language.kinds import (
    EMPTY_LIST,
    element,
    is_known,
    is_mapping,
    is_sequence,
    joined,
    member,
)
from pavane.language.operands import native
from pavane.language.values import POISON, Value, on_the_wire, record, sequence

if TYPE_CHECKING:
    from pavane.language.expressions import Reader


def listed(reader: Reader, node: ast.List | ast.Tuple | ast.Set) -> Value:
    """A list or tuple display; a set only where `in` looks into it."""
    items: list[tuple[Value, bool]] = []  # with whether it is a list to be spread
    for each in node.elts:
        if not isinstance(each, ast.Starred):
            items.append((reader.read(each), False))
            continue
        value = reader.read(each.value)
        if value.parts is not None:
            items += [(part, False) for part in value.parts]
        else:
            items.append((_spread(reader, each, value), True))
    values = [value for value, _ in items]
    if any(value.poison for value in values):
        return POISON
    if not any(spread for _, spread in items):
        kind = list[joined([value.type for value in values])] if values else EMPTY_LIST
        return sequence(tuple(values), tuple if isinstance(node, ast.Tuple) else kind)
    written = [
        ast.Starred(native(reader.site, node, value), ast.Load())
        if spread
        else native(reader.site, node, value)
        for value, spread in items
    ]
    kinds = [element(value.type) if spread else value.type for value, spread in items]
    return Value(ast.List(written, ast.Load()), type=list[joined(kinds)], native=True)


def _spread(reader: Reader, node: ast.Starred, value: Value) -> Value:
    """What stands behind `*`, as a list of its elements."""
    kind = without_none(value.type)[0]
    if value.poison:
        return POISON
    if is_mapping(kind):  # its keys
        keys = get_args(kind)
        return value.with_type(list[keys[0] if keys else str])
    if kind is str or is_sequence(kind):
        return value
    if is_known(kind):
        return reader.refuse(
            node,
            f"`*` takes a list, not {type_name(kind)}",
            "Put the value itself, or the list of what you mean.",
        )
    return value


def mapping(reader: Reader, node: ast.Dict) -> Value:
    """A dict display with constant keys, and `**` with the members of other dicts."""
    members: dict[str, Value] = {}
    written: list[tuple[str | None, Value]] = []
    for key, item in zip(node.keys, node.values, strict=True):
        name = None if key is None else reader.read(key)
        value = reader.read(item)
        if value.poison or (name is not None and name.poison):
            return POISON
        if name is None and not _is_dict(reader, item, value):
            return POISON
        if name is None and value.fields is None:
            written.append((None, value))
            continue
        more = value.fields or {}
        if name is not None:
            if not isinstance(name.expr, ast.Constant) or not isinstance(name.expr.value, str):
                return reader.refuse(
                    node, "the keys of a dict must be constant texts", "Use a list of pairs."
                )
            more = {name.expr.value: value}
        members |= more
        written += more.items()
    if all(name is not None for name, _ in written):
        return record(members, dict[str, joined([each.type for each in members.values()])])
    kinds = [value.type if name is not None else member(value.type) for name, value in written]
    shown = ast.Dict(
        [None if name is None else ast.Constant(name) for name, _ in written],
        [on_the_wire(value) for _, value in written],
    )
    return Value(shown, type=dict[str, joined(kinds)])


def _is_dict(reader: Reader, node: ast.expr, value: Value) -> bool:
    """Whether `**` may stand in front of a value; else a finding."""
    kind: Any = without_none(value.type)[0]
    if is_mapping(kind) or not is_known(kind):
        return True
    reader.refuse(
        node,
        f"`**` takes a dict, not {type_name(kind)}",
        "Name the members that you mean.",
    )
    return False
