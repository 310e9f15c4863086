"""Building an object in a workflow: `Receipt(parcel=…)`, `dict(a=…)`."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

from pavane.language.arguments import read_arguments
from pavane.language.contract import (
    is_typed_dict,
    leaves_defaults_out,
    record_fields,
    type_name,
    wire_tag,
    wire_value,
)
from pavane.language.kinds import joined
from pavane.language.values import POISON, Value, constant, record, sequence

if TYPE_CHECKING:
    from pavane.language.expressions import Reader


def construct(reader: Reader, node: ast.Call, tp: Any) -> Value:
    """A new struct, dataclass, TypedDict, model or dict, as the object that travels."""
    given = read_arguments(reader, node)
    if given is None:
        return POISON
    positional, named = given
    known = record_fields(tp)
    if known is None:
        if positional:
            return reader.refuse(
                node, f"{type_name(tp)}() takes named members here", "Write dict(name=value)."
            )
        return record(named, dict[str, joined([each.type for each in named.values()])])
    if hasattr(tp, "__post_init__"):
        return reader.refuse(
            node,
            f"{type_name(tp)} has a __post_init__, which a workflow does not run",
            "Build it in a task.",
        )
    try:
        signature = _signature(tp)
        bound = signature.bind(*positional, **named).arguments
    except TypeError as error:
        names = ", ".join(each.name for each in known)
        return reader.refuse(
            node, f"{type_name(tp)}(): {error}", f"It takes {type_name(tp)}({names})."
        )
    fields: dict[str, Value] = {}
    tag = wire_tag(tp)
    if tag is not None:
        fields[tag[0]] = constant(tag[1])
    for each in known:
        if each.name in bound:
            fields[each.wire] = bound[each.name]
        elif each.default is not inspect.Parameter.empty and not leaves_defaults_out(tp):
            fields[each.wire] = _default(each.default, each.type)
    return record(fields, tp)


def _signature(tp: Any) -> inspect.Signature:
    if not is_typed_dict(tp):
        return inspect.signature(tp)
    required: frozenset[str] = tp.__required_keys__
    return inspect.Signature(
        [
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if each.name in required else None,
            )
            for each in record_fields(tp) or ()
        ]
    )


def _default(value: Any, tp: Any) -> Value:
    return _wired(wire_value(value), tp)


def _wired(value: Any, tp: Any) -> Value:
    if isinstance(value, dict):
        return record({str(key): _wired(item, Any) for key, item in value.items()}, tp)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON-like data
    if isinstance(value, list):
        return sequence(tuple(_wired(item, Any) for item in value), list)  # pyright: ignore[reportUnknownVariableType]  # JSON-like data
    return constant(value)
